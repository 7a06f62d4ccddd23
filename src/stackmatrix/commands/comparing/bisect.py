"""Which package costs? Move packages from the base to the head by halves, count each mixture, and confirm by time."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from stackmatrix.commands import options as shared
from stackmatrix.commands.comparing.side_by_side import Plan
from stackmatrix.commands.comparing.sides import ChosenSide
from stackmatrix.errors import CounterMissingError, StackmatrixError, UsageError
from stackmatrix.matrix.pythons import BASE, HEAD, Runtime

if TYPE_CHECKING:
    from rich.console import Console

    from stackmatrix.analysis.bisect import Part
    from stackmatrix.commands.comparing.mixtures import Mixtures
    from stackmatrix.results.bisection import Bisection
    from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument, Side

FILE_NAME = "bisection.json"
BISECTED = ("file", "packages", "revision")
"""Kinds of sides that differ in their packages."""


def add_bisect(parser: argparse.ArgumentParser) -> None:
    """What finds the package that costs, for commands that compare."""
    what = "of packages that differ between the sides find those that cost, by halves and by counted instructions"
    parser.add_argument("--bisect", action="store_true", help=what)


def execute(options: argparse.Namespace, plan: Plan, console: "Console") -> int:
    """Find the packages that cost, say and write which they are, and measure the costliest side by side.

    Raises:
        UsageError: when the sides do not differ in the packages of an application.
        CounterMissingError: when nothing here counts instructions.
        StackmatrixError: for what the user has to mend.

    """
    from stackmatrix.analysis import bisect
    from stackmatrix.commands.compare import folder_of
    from stackmatrix.commands.comparing.mixtures import mixtures_of
    from stackmatrix.report.comparison.bisection import found_table
    from stackmatrix.system.cores import divide_cores

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    _need_bisectable(plan)
    path = folder_of(options.results, plan) / FILE_NAME
    _say_what(plan, say)
    with mixtures_of(plan, divide_cores(options.processes), say) as mixtures:
        if not mixtures.steps:
            say("Both sides have the same packages in the same versions: there is nothing to bisect.")
            return 0
        parts = sorted(bisect.find(len(mixtures.steps), mixtures.ask), key=lambda one: -abs(one.change))
        document = _write(path, _document(options, plan, mixtures, parts))
        console.print(found_table(document))
        for sentence in document.sentences:
            say(sentence)
        if parts:
            document = _write(path, _confirmed(document, options, plan, mixtures, parts[0], console))
            say(document.sentences[-1])
    say(f"Written: {path}")
    return 0


def _need_bisectable(plan: Plan) -> None:
    """Refuse what has no packages of its own to move, or cannot be counted."""
    from stackmatrix.measurements.counts.kind import need_counter

    if plan.app is None:
        raise UsageError("--bisect moves the packages of an application: name it with --app.")
    if plan.base.kind not in BISECTED:
        raise UsageError(
            "--bisect takes two files of requirements, two lists of packages or two git revisions: "
            f"{plan.base.side.title!r} and {plan.head.side.title!r} do not differ in their packages."
        )
    try:
        need_counter()
    except CounterMissingError as error:
        raise CounterMissingError(f"--bisect goes by counted instructions, which needs a counter: {error}") from error


def _say_what(plan: Plan, say: Callable[[str], None]) -> None:
    (head, _), *more = plan.pairs
    where = f"{head.stack} on {Runtime.of(head.python).interpreter}, {head.workload}"
    say(f"Bisecting on {where}{f', the first of {len(more) + 1} cells' if more else ''}.")
    if plan.head.kind == "revision":
        say(f"All mixtures have the code of {plan.head.side.title}: what other code costs is no part of this.")


def _write(path: Path, document: "Bisection") -> "Bisection":
    """Keep the document, with its sentences."""
    from stackmatrix.report.comparison.bisection import sentences
    from stackmatrix.results.bisection import encode

    whole = msgspec.structs.replace(document, sentences=tuple(sentences(document)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(whole))
    return whole


def _document(options: argparse.Namespace, plan: Plan, mixtures: "Mixtures", parts: "list[Part]") -> "Bisection":
    from stackmatrix.analysis.bisect import change
    from stackmatrix.results.bisection import BISECTION_FORMAT, Bisection, CostlyStep, CountedMixture
    from stackmatrix.system import host

    assert plan.app is not None, "it was checked"
    base, head = (tuple(mixtures.counted[moved]) for moved in (0, len(mixtures.steps)))
    counted = [
        CountedMixture(moved=moved, instructions=tuple(each)) for moved, each in mixtures.counted.items() if each
    ]
    skipped = [CountedMixture(moved=moved, skipped=why) for moved, why in mixtures.skipped.items()]
    return Bisection(
        format_version=BISECTION_FORMAT,
        machine=shared.machine_name(options) or host.slug(host.describe(mixtures.layout)),
        app=plan.app.name,
        base=plan.base.side,
        head=plan.head.side,
        stack=mixtures.cell.stack,
        python=mixtures.cell.python,
        workload=mixtures.cell.workload,
        counter=mixtures.counter,
        order=mixtures.steps,
        counted=tuple(sorted([*counted, *skipped], key=lambda one: one.moved)),
        base_instructions=base[0],
        head_instructions=base[0] + change(base, head),
        found=tuple(
            CostlyStep(
                packages=tuple(one for step in mixtures.steps[part.low : part.high] for one in step),
                kind=part.kind,
                low=part.low,
                high=part.high,
                before=part.before[0],
                after=part.before[0] + part.change,
            )
            for part in parts
        ),
    )


def _confirmed(
    document: "Bisection",
    options: argparse.Namespace,
    plan: Plan,
    mixtures: "Mixtures",
    part: "Part",
    console: "Console",
) -> "Bisection":
    """The document with the CPU time of a part: the environments before and after it, side by side."""
    from stackmatrix.commands import compare
    from stackmatrix.report.comparison.bisection import titles

    before, after = titles(document.found[0].packages)
    sides = (
        _as_file(plan, BASE, before, mixtures.write(part.low)),
        _as_file(plan, HEAD, after, mixtures.write(part.high)),
    )
    base, head = (
        msgspec.structs.replace(mixtures.cell, python=str(Runtime(mixtures.cell.python, (), one.label)))
        for one in sides
    )
    measured: list[ComparisonDocument] = []
    only_time = argparse.Namespace(**{**vars(options), "measure": "cost"})
    try:
        compare.measure(
            only_time, replace(plan, base=sides[0], head=sides[1], pairs=((head, base),)), console, measured.append
        )
    except StackmatrixError as error:
        return msgspec.structs.replace(document, cpu_unknown=str(error))
    cpu, why = _cpu_of(measured)
    return msgspec.structs.replace(document, cpu=cpu, cpu_unknown=why)


def _as_file(plan: Plan, label: str, title: str, file: Path) -> ChosenSide:
    """A mixture as a side of a comparison, with the code that all mixtures have."""
    side: Side = msgspec.structs.replace(plan.head.side, title=title)
    if side.kind != "revision":
        side = msgspec.structs.replace(side, kind="file")
    return ChosenSide(label, side, file=file)


def _cpu_of(measured: "list[ComparisonDocument]") -> "tuple[ComparedFigure | None, str | None]":
    """The CPU time of what was measured, or why it is not known."""
    from stackmatrix.analysis.metrics import COST

    if not measured:
        return None, "nothing was measured"
    document = measured[-1]
    void = next((one.void for one in document.controls if one.void is not None), None)
    figure = next((one for one in document.figures if one.figure == COST.name), None)
    if figure is not None and void is None:
        return figure, None
    reason = next((one.reason for one in document.not_compared), "too few of its blocks were valid")
    return None, void or reason
