"""Give a comparison in every form in which it is read: the terminal, files beside its blocks, and what CI shows."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.errors import ResultsFolderError
from stackmatrix.outside.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from stackmatrix.results.comparison import ComparisonDocument, GateVerdict

FILES = {
    "json": "comparison.json",
    "markdown": "comparison.md",
    "github": "comment.md",
    "bencher": "bencher.json",
    "benchmark": "benchmark.json",
    "csv": "figures.csv",
}
"""The file of each form; all are always written."""
FOR_PEOPLE = ("text", "github")
"""What a person reads while it comes; any other form stands alone on standard output."""
LONGEST_SAID = 4000
"""Characters of what is shown beside a job."""
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of a job's summary."""


def console_for(options: argparse.Namespace) -> "Console":
    """Where progress is shown: standard output, or the other one where that is for a program."""
    from stackmatrix.report.terminal import make_console

    return make_console(on_errors=options.format not in FOR_PEOPLE)


def publish(
    document: "ComparisonDocument", options: argparse.Namespace, console: "Console", folder: Path | None = None
) -> None:
    """Write every form, into ``--output`` or the comparison's own ``folder``, and print the one that was asked for.

    Raises:
        ResultsFolderError: when something cannot be written.

    """
    from stackmatrix.report.comparison import exports, markdown
    from stackmatrix.report.comparison.terminal import print_comparison
    from stackmatrix.results import comparison, writing

    place: Path = (options.output or folder or options.results).resolve()
    forms = {
        "json": comparison.encode(document),
        "markdown": markdown.page(document).encode(),
        "github": markdown.comment(document).encode(),
        "bencher": exports.to_bencher(document),
        "benchmark": exports.to_benchmark(document),
        "csv": exports.to_csv(document),
    }
    for name, data in forms.items():
        writing.write_atomically(place / FILES[name], data)
    if options.json is not None:
        writing.write_atomically(options.json.resolve(), forms["json"])
    if options.format in FOR_PEOPLE:
        print_comparison(console, document, place)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(forms[options.format])
    if options.format == "github":
        _append_summary(document)
        if document.gate is not None:
            print(annotation(document.gate), flush=True)


def _append_summary(document: "ComparisonDocument") -> None:
    """Append to the summary of the job, as far as there is room in it; outside of a job there is none."""
    from stackmatrix.report.comparison import markdown

    name = os.environ.get(SUMMARY)
    if not name:
        return
    path = Path(name)
    try:
        room = markdown.SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
        with path.open("ab") as file:
            file.write(markdown.page(document, room).encode())
    except OSError as error:
        raise ResultsFolderError(
            f"The job's summary {path} ({SUMMARY}) cannot be written: {error.strerror}."
        ) from error


def annotation(gate: "GateVerdict") -> str:
    """What shows a gate's sentence beside a job, as GitHub reads it from a log."""
    level = "error" if gate.fails else "notice" if gate.outcome == "passed" else "warning"
    said = one_line(gate.sentence, LONGEST_SAID).replace("%", "%25")
    return f"::{level} title=stackmatrix::{said}"
