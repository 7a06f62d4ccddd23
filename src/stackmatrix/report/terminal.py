"""The terminal: what can be written to it, and the answer as it stands there."""

import sys
from collections.abc import Iterable
from typing import IO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.report import environment, tables
from stackmatrix.report.encoding import write_anything
from stackmatrix.report.statements import numbered, statements

WIDTH_OF_FILES = 140
"""In characters, where output goes to a file or a pipe, which has no width of its own."""
HEIGHT_OF_FILES = 25
"""In lines; nothing is fitted into it."""


class Screen(Console):
    """A terminal that gets texts only as texts: no markup, and nothing that would move its cursor or set its title.

    A target's log, a branch or a result file may hold escape sequences. Here is their one end, whatever is printed;
    what rich itself does to the terminal passes.
    """

    def __init__(
        self,
        *,
        width: int | None = None,
        height: int | None = None,
        stderr: bool = False,
        file: IO[str] | None = None,
        force_interactive: bool | None = None,
    ) -> None:
        super().__init__(
            width=width,
            height=height,
            stderr=stderr,
            file=file,
            force_interactive=force_interactive,
            markup=False,
            emoji=False,
            highlight=False,
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Make segments of something, in which each character is one that can be seen."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(_seen(segment.text), segment.style)


def _seen(text: str) -> str:
    """A text of the same width without what is not printable."""
    return "".join(sign if sign.isprintable() or sign == "\n" else " " * cell_len(sign) for sign in text)


def make_console(*, on_errors: bool = False) -> Screen:
    """The terminal as it is, or wide enough for every table where there is none; it never fails on a character.

    It is standard output, or where that is for a program standard error.
    """
    write_anything()
    stream = sys.stderr if on_errors else sys.stdout
    if stream is not None and stream.isatty():
        return Screen(stderr=on_errors)
    # Whoever wants colours in a file (FORCE_COLOR, as in CI) has them; what is drawn anew again and again is no file.
    # Without a height, rich takes a dumb terminal's width.
    return Screen(width=WIDTH_OF_FILES, height=HEIGHT_OF_FILES, stderr=on_errors, force_interactive=False)


def print_answer(console: Console, machine: MachineSummary) -> None:
    """Print the answer of one machine: its statements, and a table for each workload."""
    told = f": {environment.describe(machine.machine)}" if machine.machine else ""
    console.print(Text(f"{machine.name}{told}", style="bold"))
    for workload in machine.workloads:
        if any(row.result.has_figures for row in workload.rows):
            console.print()
            console.print(tables.overview_table(machine, workload, brief=True))
    console.print()
    for place, one in numbered(statements(machine)):
        number = "" if place is None else f"{place}. "
        console.print(Text.assemble((f"{number}{one.lead} ", "bold"), one.text, style="dim" if one.is_folded else ""))
