"""The harness's command line: what follows ``--`` on nox's arrives here. Errors are one sentence and an exit code."""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from stackmatrix.commands import COMMANDS, load
from stackmatrix.errors import INTERRUPTED_EXIT_CODE, StackmatrixError, UsageError


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that every error leaves by the same door."""

    def error(self, message: str) -> NoReturn:
        """Refuse, and say where to look."""
        raise UsageError(f"{message[0].upper()}{message[1:]}. See --help, or docs/options.md.")


def make_parser(chosen: str | None) -> Parser:
    """All commands, of which only the chosen one is loaded and has its options."""
    parser = Parser(prog="stackmatrix", description="Which server stack should serve a Django view that waits?")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, summary in COMMANDS.items():
        # No abbreviations: an option that is added later must not change what an old command means.
        command = commands.add_parser(name, allow_abbrev=False, help=summary, description=summary)
        if name == chosen:
            load(name).add_options(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    # SIGTERM ends us with the same care as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = make_parser(next((one for one in given if one in COMMANDS), None)).parse_args(given)
        return load(options.command).execute(options)
    except StackmatrixError as error:
        print(f"stackmatrix: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stackmatrix: interrupted; what was measured is written, and nothing is left running.", file=sys.stderr)
        return INTERRUPTED_EXIT_CODE
