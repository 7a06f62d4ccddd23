"""A comparison as Markdown: a page, the summary of a job, and a comment on a pull request. Pure.

The verdict and what decided it come first, everything else is folded. Where there is less room than text, whole lines
are left out from the end, and how many is said. Nothing that is shown can be Markdown, HTML, a mention or a link.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackmatrix.outside.text import printable
from stackmatrix.report.comparison import table
from stackmatrix.report.literal import literal
from stackmatrix.report.table import Table
from stackmatrix.results.comparison import ComparisonDocument

SUMMARY_BYTES = 2**20 - 1
"""A job's summary that is larger is not shown at all."""
COMMENT_BYTES = 60_000
"""A comment may have 65,536 characters; the job that posts it may add some."""
LONGEST_COMMAND = 4000
REST = 120
"""Bytes for what says how much was left out."""
LONGEST_MARK = 60
MARKER = "<!-- stackmatrix: %s -->"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines between a beginning and an end; the last lines are left out where there is no room."""

    begin: str
    lines: Sequence[str]
    end: str = ""

    def within(self, room: int) -> str:
        """As much as so many bytes hold; empty where that is no line."""
        room -= _bytes(self.begin) + _bytes(self.end) + REST
        kept: list[str] = []
        for line in self.lines:
            room -= _bytes(line) + 1
            if room < 0:
                break
            kept.append(f"{line}\n")
        if not kept:
            return ""
        more = len(self.lines) - len(kept)
        told = f"\n{more} more are in comparison.json.\n" if more else ""
        return f"{self.begin}{''.join(kept)}{told}{self.end}\n"


def _bytes(text: str) -> int:
    return len(text.encode())


def page(document: ComparisonDocument, most: int = SUMMARY_BYTES) -> str:
    """Everything that is said, in at most so many bytes; nothing where these do not hold the verdict."""
    return _fitted(document, most, "")


def comment(document: ComparisonDocument) -> str:
    """The same as a comment. Its last line is a hidden marker by which a later one finds and replaces it."""
    app = re.sub(r"[^a-z0-9]+", "-", (document.app or "").lower())[:LONGEST_MARK].strip("-")
    return _fitted(document, COMMENT_BYTES - 1, MARKER % (app or "built-in"))


def _fitted(document: ComparisonDocument, most: int, marker: str) -> str:
    last = f"{_repeated(document)}\n{marker}".strip()
    room = most - _bytes(last) - 1
    parts: list[str] = []
    for section in _sections(document):
        parts.append(section.within(room))
        if not parts[0]:
            return ""
        room -= _bytes(parts[-1])
    return f"{''.join(parts)}{last}\n"


def _repeated(document: ComparisonDocument) -> str:
    """How to repeat it by hand: one line in a fence, which nothing in it ends."""
    command = printable(document.command)
    if len(command) > LONGEST_COMMAND:
        return "The command that repeats it by hand is in comparison.json.\n"
    return f"To repeat it by hand:\n\n```sh\n{command}\n```\n"


def _sections(document: ComparisonDocument) -> Iterator[Section]:
    gate, told = document.gate, [*document.sentences]
    verdict = gate.sentence if gate is not None else told.pop(0) if told else "Nothing was compared."
    of = f"{document.app}: " if document.app else ""
    title = literal(f"{of}{document.head.title} against {document.base.title}")
    yield Section("", [f"### {title}", "", f"**{literal(verdict)}**"])
    yield _table(table.decided(document))
    if gate is not None:
        yield from _folded("What the gate says of each figure", _items(one.sentence for one in gate.figures))
    yield from _folded("In words", _items(told))
    if document.figures:
        yield _table(table.figures_table(document.figures), f"All figures ({len(document.figures)})")
    if document.packages:
        yield _table(table.packages_table(document.packages), f"Packages that differ ({len(document.packages)})")
    yield from _folded("What could not be compared", _items(table.left_out(document.not_compared)))
    stands_on = [f"Controls of {line}" for line in table.controls_said(document.controls)]
    yield from _folded("Controls and conditions", _items([*stands_on, table.conditions(document)]))


def _items(texts: Iterable[str]) -> list[str]:
    return [f"- {literal(text)}" for text in texts]


def _folded(summary: str, lines: Sequence[str]) -> Iterator[Section]:
    if lines:
        yield Section(f"<details><summary>{summary}</summary>\n\n", lines, "\n</details>\n")


def _literally(of: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda row: literal(of(row))


def _table(shown: Table[Any], summary: str | None = None) -> Section:
    columns = [replace(one, of=_literally(one.of)) for one in shown.columns]
    heading, rule, *rows = replace(shown, columns=columns).to_markdown().split("\n")
    begin, end = f"{heading}\n{rule}\n", f"\n{literal(shown.note)}\n" if shown.note else ""
    if summary is None:
        return Section(begin, rows, end)
    return Section(f"<details><summary>{summary}</summary>\n\n{begin}", rows, f"{end}\n</details>\n")
