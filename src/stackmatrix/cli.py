"""The harness's command line: what follows ``--`` on nox's arrives here. Errors are one sentence and an exit code."""

import argparse
import errno
import sys
from collections.abc import Sequence
from typing import NoReturn

from stackmatrix.commands import COMMANDS, load
from stackmatrix.errors import MachineLimitError, StackmatrixError, UsageError
from stackmatrix.outside.text import visible
from stackmatrix.report.encoding import write_anything
from stackmatrix.system import interrupts

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Of a disk on which a run keeps what it needs while it lasts; results have a sentence of their own."""


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
    interrupts.listen()
    write_anything()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = make_parser(next((one for one in given if one in COMMANDS), None)).parse_args(given)
        return load(options.command).execute(options)
    except StackmatrixError as error:
        return _fail(error)
    except KeyboardInterrupt:
        said = interrupts.WORDS[interrupts.received()]
        print(f"stackmatrix: {said}; what was measured is written, and nothing is left running.", file=sys.stderr)
        return interrupts.exit_code()
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        where = error.filename or "The disk of temporary files"
        return _fail(
            MachineLimitError(
                f"{where} cannot be written ({error.strerror}), which a run needs while it lasts; what was measured "
                "is in its files. Free space there, or name another folder by TMPDIR, and run again."
            )
        )


def _fail(error: StackmatrixError) -> int:
    print(f"stackmatrix: {visible(str(error))}", file=sys.stderr)
    return error.exit_code
