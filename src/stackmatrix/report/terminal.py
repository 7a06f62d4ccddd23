"""The terminal: what can be written to it, and the answer as it stands there."""

import codecs
import sys

from rich.console import Console
from rich.text import Text

from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.report import environment, tables
from stackmatrix.report.statements import numbered, statements

WIDTH_OF_FILES = 140
"""In characters, where output goes to a file or a pipe, which has no width of its own."""
IN_ASCII = {"–": "-", "×": "x", "≥": ">=", "…": "...", "→": "->", "†": "+", "‡": "#"}
"""What stands for a sign that the encoding of the output does not have; a question mark stands for any other."""
HANDLER = "stackmatrix.nearest"


def nearest(error: UnicodeError) -> tuple[str, int]:
    """Write what is nearest to what cannot be encoded, so that no name or sign ends a run."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(IN_ASCII.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, nearest)


def make_console(*, on_errors: bool = False) -> Console:
    """The terminal as it is, or wide enough for every table where there is none; it never fails on a character.

    It is standard output, or where that is for a program standard error.
    """
    reconfigure = getattr(sys.stderr if on_errors else sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=HANDLER)
    console = Console(stderr=on_errors)
    return console if console.is_terminal else Console(width=WIDTH_OF_FILES, stderr=on_errors)


def print_answer(console: Console, machine: MachineSummary) -> None:
    """Print the answer of one machine: its statements, and a table for each workload."""
    told = f": {environment.describe(machine.machine)}" if machine.machine else ""
    console.print(Text(f"{machine.name}{told}", style="bold"))
    for workload in machine.workloads:
        if workload.rows:
            console.print()
            console.print(tables.overview_table(machine, workload, brief=True))
    console.print()
    for place, one in numbered(statements(machine)):
        number = "" if place is None else f"{place}. "
        console.print(Text.assemble((f"{number}{one.lead} ", "bold"), one.text, style="dim" if one.is_folded else ""))
