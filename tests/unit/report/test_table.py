"""One table is shown in a terminal and in Markdown, with the same text in every cell."""

import io

from markupsafe import Markup
from rich.console import Console

from stackmatrix.report.table import Column, Table, name, quantity

ROWS = [("a|b", 1.5), ("[bold]c", 22.0)]
TABLE = Table[tuple[str, float]](
    (name("name", lambda row: row[0]), quantity("how\nmany", lambda row: f"{row[1]:.1f}")),
    ROWS,
    title="A [title]",
    note="Noted.",
    ends=[0],
)


def printed(table: Table[tuple[str, float]]) -> list[str]:
    console = Console(width=60, file=io.StringIO())
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def test_markdown_has_headings_alignment_and_cells_in_which_nothing_is_markdown() -> None:
    assert TABLE.to_markdown().splitlines() == [
        "| name | how many |",
        "| --- | ---: |",
        "| a&#124;b | 1.5 |",
        "| \\[bold\\]c | 22.0 |",
    ]


def test_what_is_markdown_already_stays_as_it_is() -> None:
    linked = Table((Column[str]("file", lambda row: Markup("[JSON]({})").format(row)),), ["a<b"])
    assert linked.to_markdown().splitlines()[-1] == "| [JSON](a&lt;b) |"


def test_a_terminal_shows_the_title_the_note_and_the_text_as_it_is_with_numbers_to_the_right() -> None:
    lines = printed(TABLE)
    assert lines[0].rstrip() == "A [title]"
    assert lines[-1].rstrip() == "Noted."
    assert any("│a|b     │  1.5│" in line for line in lines)
    assert any("│[bold]c │ 22.0│" in line for line in lines)


def test_a_line_stands_after_each_row_that_ends_a_section() -> None:
    assert [line.startswith("├") for line in printed(TABLE)].count(True) == 1
