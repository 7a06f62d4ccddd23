"""The harness's command line: what follows ``--`` on nox's arrives here. Errors are one sentence and an exit code."""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from stackmatrix.commands import VERBS
from stackmatrix.errors import INTERRUPTED_EXIT_CODE, StackmatrixError, UsageError


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that every error leaves by the same door."""

    def error(self, message: str) -> NoReturn:
        """Refuse, and say where to look."""
        raise UsageError(f"{message[0].upper()}{message[1:]}. See --help, or docs/options.md.")


def make_parser() -> Parser:
    """All verbs with their options."""
    parser = Parser(prog="stackmatrix", description="Which server stack should serve a Django view that waits?")
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=Parser)
    for name, verb in VERBS.items():
        summary = (verb.__doc__ or "").splitlines()[0]
        # No abbreviations: an option that is added later must not change what an old command means.
        verb.add_options(verbs.add_parser(name, allow_abbrev=False, help=summary, description=summary))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    # Whoever ends us with SIGTERM gets the same care as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options = make_parser().parse_args(arguments)
        return VERBS[options.verb].execute(options)
    except StackmatrixError as error:
        print(f"stackmatrix: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stackmatrix: interrupted; what was measured is written, and nothing is left running.", file=sys.stderr)
        return INTERRUPTED_EXIT_CODE
