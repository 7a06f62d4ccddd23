"""``compare --self``: one thing against itself, again and again: how often a difference is called, and what is fine."""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stackmatrix.commands import compare
from stackmatrix.commands.comparing.side_by_side import Plan

if TYPE_CHECKING:
    from rich.console import Console

    from stackmatrix.results.comparison import ComparisonDocument


def execute(options: argparse.Namespace, plan: Plan, console: "Console") -> int:
    """Compare so often, each time from nothing, and say what came of all; of Ctrl-C what is known by then.

    Raises:
        StackmatrixError: for what the user has to mend.

    """
    documents: list[ComparisonDocument] = []
    with compare.prepared(options, plan, console) as request:
        folder = request.folder.with_name(f"{request.folder.name}-self")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            for number in range(1, options.repeats + 1):
                console.print(f"{number} of {options.repeats}", highlight=False)
                own = replace(request, folder=folder / str(number), seed=request.seed + number)
                compare.run(options, plan, own, console, documents.append)
        finally:
            if documents:
                _publish(documents, folder, console)
    return 0


def _publish(documents: "Sequence[ComparisonDocument]", folder: Path, console: "Console") -> None:
    from stackmatrix.analysis.alarms import alarms_of
    from stackmatrix.report.comparison import alarms
    from stackmatrix.results import writing
    from stackmatrix.results.comparison import encode

    for number, document in enumerate(documents, 1):
        writing.write_atomically(folder / str(number) / "comparison.json", encode(document))
    found = alarms_of(documents)
    writing.write_atomically(folder / "self.json", msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    console.print()
    for sentence in alarms.sentences(documents, found):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    console.print(alarms.table(found))
    console.print(f"All comparisons are in {folder}", markup=False, highlight=False, soft_wrap=True)
