"""A table as text, made once and shown in a terminal and in Markdown alike."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rich.markup import escape as escape_for_rich
from rich.table import Table as RichTable


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
        title, note = (None if text is None else escape_for_rich(text) for text in (self.title, self.note))
        table = RichTable(title=title, caption=note, title_justify="left", caption_justify="left", pad_edge=False)
        for one in self.columns:
            table.add_column(one.heading, justify="right" if one.is_number else "left", no_wrap=not one.wraps)
        for place, row in enumerate(self.cells):
            table.add_row(*map(escape_for_rich, row), end_section=place in self.ends)
        return table

    def to_markdown(self) -> Markup:
        """The table without its title and its note."""
        rule = ["---:" if one.is_number else "---" for one in self.columns]
        lines = [[one.heading for one in self.columns], rule, *self.cells]
        return Markup("\n").join(Markup("| {} |").format(Markup(" | ").join(map(safe, line))) for line in lines)


def safe(text: str) -> Markup:
    """Text from a result file as it may stand in a page; what is Markdown already stays as it is."""
    return text if isinstance(text, Markup) else Markup(escape(text))  # noqa: S704 - escaped by escape


def escape(text: str) -> str:
    """Text from a result file, harmless in Markdown and in the HTML that is made of it."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\[\]`|!])", r"\\\1", text)
