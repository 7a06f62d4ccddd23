"""A table as text, made once and shown in a terminal and in Markdown alike."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rich.table import Table as RichTable
from rich.text import Text

from stackmatrix.report.literal import safe

WORDS, NUMBERS = Markup("---"), Markup("---:")
"""What stands below the heading of a column of either."""


@dataclass(frozen=True, slots=True)
class Column[Row]:
    """A heading, and the text of a row below it. A terminal sets numbers to the right."""

    heading: str
    of: Callable[[Row], str]
    is_number: bool = False
    wraps: bool = True


def name[Row](heading: str, of: Callable[[Row], str]) -> Column[Row]:
    """A column of names, which stay on one line."""
    return Column(heading, of, wraps=False)


def quantity[Row](heading: str, of: Callable[[Row], str]) -> Column[Row]:
    return Column(heading, of, is_number=True)


@dataclass(frozen=True, slots=True)
class Table[Row]:
    """Rows under headings. A terminal shows the title, the note, and a line after each of the rows in ``ends``."""

    columns: Sequence[Column[Row]]
    rows: Sequence[Row]
    title: str | None = None
    note: str | None = None
    ends: Collection[int] = ()

    @property
    def cells(self) -> list[list[str]]:
        return [[one.of(row) for one in self.columns] for row in self.rows]

    def __rich__(self) -> RichTable:
        title, note = (None if text is None else Text(text) for text in (self.title, self.note))
        table = RichTable(title=title, caption=note, title_justify="left", caption_justify="left", pad_edge=False)
        for one in self.columns:
            table.add_column(Text(one.heading), justify="right" if one.is_number else "left", no_wrap=not one.wraps)
        for place, row in enumerate(self.cells):
            table.add_row(*map(Text, row), end_section=place in self.ends)
        return table

    def to_markdown(self) -> Markup:
        """The table without its title and its note."""
        rule = Markup(" | ").join(NUMBERS if one.is_number else WORDS for one in self.columns)
        heading, *rows = (
            Markup(" | ").join(map(safe, line)) for line in [[one.heading for one in self.columns], *self.cells]
        )
        return Markup("\n").join(Markup("| {} |").format(line) for line in (heading, rule, *rows))
