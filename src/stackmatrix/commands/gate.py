"""A gate: compare two sides, and end with an error when the head is worse by more than is allowed."""

import argparse
import contextlib
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from stackmatrix.analysis import gate
from stackmatrix.commands import compare
from stackmatrix.commands import options as shared
from stackmatrix.commands.comparing.looking import look
from stackmatrix.commands.comparing.side_by_side import make_plan
from stackmatrix.errors import (
    CellsFailedError,
    CounterMissingError,
    RegressionError,
    StackmatrixError,
    UndecidedError,
    VoidError,
)
from stackmatrix.matrix.app_keys import GATED
from stackmatrix.matrix.app_parts import share_of
from stackmatrix.matrix.cells import choose
from stackmatrix.matrix.shapes import PERCENT

if TYPE_CHECKING:
    from stackmatrix.matrix.app_file import AppFile
    from stackmatrix.results.comparison import ComparisonDocument, GateVerdict, Outcome

NEVER = "never"
ERRORS: "dict[Outcome, type[StackmatrixError]]" = {
    "regression": RegressionError,
    "undecided": UndecidedError,
    "void": VoidError,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    compare.add_sides(parser)
    compare.add_measuring(parser, "those that the figures need")
    shared.add_published(parser)
    by = f"fail when the head is worse by at least that; default: {100 * gate.THRESHOLD:g}%%"
    parser.add_argument("--threshold", type=_threshold, default=gate.THRESHOLD, metavar="5%", help=by)
    outcomes = f"what fails: {', '.join(gate.CAN_FAIL)}, or {NEVER}; default: {','.join(gate.FAILS_ON)}"
    parser.add_argument("--fail-on", default=",".join(gate.FAILS_ON), metavar="A,B", help=outcomes)
    figures = f"which figures are judged ({', '.join(GATED)}); default: {','.join(gate.FIGURES)}"
    parser.add_argument("--figures", default=",".join(gate.FIGURES), metavar="A,B", help=figures)


def _threshold(text: str) -> float:
    """A share above nothing, from a percentage."""
    if not re.fullmatch(PERCENT.pattern or "", text) or not 0 < (share := share_of(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage above 0, up to 100, such as 5%")
    return share


def execute(options: argparse.Namespace) -> int:
    """Measure, publish what was found, and then say what the gate says.

    Raises:
        RegressionError, UndecidedError, VoidError: what the gate says, where ``--fail-on`` names it.
        StackmatrixError: for what the user has to mend.

    """
    rules_of(options, None)  # a mistake is said before packages are looked up
    plan = make_plan(options, *compare.words_of(options))
    rules = rules_of(options, plan.app)
    asked = argparse.Namespace(**{**vars(options), "measure": options.measure or ",".join(rules.kinds)})
    with _counting():
        look(options, plan, compare.request_of(options, plan), compare.kinds_of(asked), must_count=True)
    if options.list:
        compare.print_needed(plan)
        return 0
    from stackmatrix.commands.comparing.publish import console_for, publish

    console = console_for(options)
    folder = compare.folder_of(options.results, plan)
    verdicts: list[GateVerdict] = []

    def done(document: "ComparisonDocument") -> None:
        verdict = gate.judge(document, plan.pairs, rules)
        command = f"{document.command} {repeated(options)}"
        publish(msgspec.structs.replace(document, gate=verdict, command=command), options, console, folder)
        verdicts.append(verdict)

    # What is not there is judged: a gate is void without it.
    with _counting(), contextlib.suppress(CellsFailedError):
        compare.measure(asked, plan, console, done, threshold=rules.threshold)
    if not verdicts:
        raise VoidError("Void. Nothing was measured, and so nothing is proved.")
    if verdicts[-1].fails:
        raise ERRORS[verdicts[-1].outcome](verdicts[-1].sentence)
    return 0


@contextlib.contextmanager
def _counting() -> Iterator[None]:
    """Says how to do without a program that counts, where there is none."""
    try:
        yield
    except CounterMissingError as error:
        raise CounterMissingError(f"{error} Or judge by CPU time alone: --figures cpu.") from error


def rules_of(options: argparse.Namespace, app: "AppFile | None") -> gate.Rules:
    """What the gate allows, from its options and the file of the application.

    Raises:
        UsageError: for an outcome or a figure that is not known.

    """
    fails_on = () if options.fail_on == NEVER else choose("outcome", options.fail_on, (*gate.CAN_FAIL, NEVER))
    if NEVER in fails_on:
        fails_on = choose("outcome beside others", options.fail_on, gate.CAN_FAIL)
    return gate.Rules(
        threshold=options.threshold,
        today=datetime.now(UTC).date(),
        figures=choose("figure", options.figures, tuple(GATED)),
        fails_on=fails_on,
        waivers=app.waivers if app is not None else (),
        budgets=(app.budgets or {}) if app is not None else {},
    )


def repeated(options: argparse.Namespace) -> str:
    """The gate's own options, as they repeat it by hand."""
    words = [
        "--threshold",
        f"{100 * options.threshold:.6g}%",
        "--fail-on",
        options.fail_on,
        "--figures",
        options.figures,
    ]
    return shlex.join(words)
