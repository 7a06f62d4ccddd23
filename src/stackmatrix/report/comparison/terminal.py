"""A comparison as a person reads it in a terminal: the answer in sentences, then figures, and what they stand on."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from stackmatrix.outside.text import printable
from stackmatrix.report.comparison import table
from stackmatrix.report.literal import in_a_log
from stackmatrix.results.comparison import ComparisonDocument


def print_comparison(console: Console, document: ComparisonDocument, folder: Path) -> None:
    """Print everything that is said, and the ``folder`` with all forms of it."""
    console.print()
    if document.gate is not None:
        console.print(Text(in_a_log(document.gate.sentence), style="bold"))
    for place, sentence in enumerate(document.sentences):
        first = place == 0 and document.gate is None
        console.print(Text(in_a_log(sentence), style="bold" if first else ""))
    judged = document.gate.figures if document.gate is not None else ()
    if judged:
        console.print(table.gate_table(document, judged))
    names = {one.figure for one in judged}
    if others := [one for one in document.figures if one.figure not in names]:
        console.print(table.figures_table(others))
    if document.packages:
        console.print("Packages that differ:")
        console.print(table.packages_table(document.packages))
    for line in _lines(document):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(f"Written: {folder}"), soft_wrap=True)


def _lines(document: ComparisonDocument) -> Iterator[str]:
    yield from (f"Controls of {line}" for line in table.controls_said(document.controls))
    yield from (f"Not compared: {line}" for line in table.left_out(document.not_compared))
    yield table.conditions(document)
    yield f"To repeat it: {printable(document.command)}"
