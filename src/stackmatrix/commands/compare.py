"""What did the change do? Measure two of anything side by side, now, and say what differs."""

import argparse
import hashlib
import random
import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.commands import options as shared
from stackmatrix.commands.choice import print_sessions
from stackmatrix.commands.comparing import recorded
from stackmatrix.commands.comparing.bisect import add_bisect
from stackmatrix.commands.comparing.looking import look
from stackmatrix.commands.comparing.side_by_side import Plan, make_plan, ready
from stackmatrix.errors import CounterMissingError, UsageError
from stackmatrix.matrix.cells import choose
from stackmatrix.matrix.profiles import DEFAULT_PROFILE, KINDS, LOOKS, MOST_BLOCKS, PROFILES, Profile
from stackmatrix.system.processes import PROJECT

if TYPE_CHECKING:
    from rich.console import Console

    from stackmatrix.measurements.request import Kind, Request
    from stackmatrix.results.comparison import ComparisonDocument

MINUTES = 10.0
LONGEST_NAME = 60
COMPARED_KINDS = ("cost", "counts", "ramp")
RAMPS_BEGIN = 3
"""The turn of the first ramps: what two sides cost is told first, by CPU time and by instructions."""
FOLDER = PROJECT / ".nox" / "comparisons"
"""Comparisons are made anew where they are wanted, and are no evidence to keep beside the results."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_sides(parser)
    add_measuring(parser)
    itself = "compare the head with itself so often: how often is a difference called, and which threshold is fit?"
    parser.add_argument("--self", type=shared.repeat_count, metavar="N", dest="repeats", help=itself)
    recorded.add_options_of_recorded(parser)
    add_bisect(parser)
    shared.add_published(parser)


def add_sides(parser: argparse.ArgumentParser) -> None:
    """What is compared, and where."""
    what = (
        "two sides: packages ('httpx==0.27.*'), files of requirements, git revisions (with --app), Pythons, stacks; "
        "or without --app two folders or git revisions of results"
    )
    parser.add_argument("sides", nargs="*", metavar="BASE HEAD", help=what)
    parser.add_argument("--a", action="append", default=[], metavar="BASE", help="the base; may be repeated")
    parser.add_argument("--b", action="append", default=[], metavar="HEAD", help="the head; may be repeated")
    shared.add_app(parser)
    parser.add_argument("--stacks", metavar="A,B", help="on which stacks; default: the servers that differ, else two")
    parser.add_argument("--pythons", metavar="3.13", help="on which Pythons; default: the newest that is here")
    parser.add_argument("--workload", metavar="A,B", help="which workloads; default: the first one, or all pages")


def add_measuring(parser: argparse.ArgumentParser, usual: str = ",".join(COMPARED_KINDS)) -> None:
    """How it is measured; ``usual`` says which kinds are measured by default."""
    kinds = f"which kinds of measurement; default: {usual}"
    parser.add_argument("--measure", metavar="A,B", help=kinds)
    limit = f"end after so many minutes of measuring; default: {MINUTES:g}"
    parser.add_argument("--minutes", type=shared.minutes, default=MINUTES, metavar="M", help=limit)
    shared.add_blocks(parser, "cost blocks at most; earlier ones count")
    shared.add_seed(parser)
    shared.add_processes(parser)
    shared.add_machine(parser)
    shared.add_listing(parser)
    where = "keep the blocks of comparisons in this folder, to which later ones of the same add"
    parser.add_argument("--results", type=Path, default=FOLDER, metavar="DIR", help=where)


def execute(options: argparse.Namespace) -> int:
    """Compare, and say what differs; until Ctrl-C, what is known by then.

    Raises:
        StackmatrixError: for what the user has to mend.

    """
    if recorded.is_recorded(options):
        return recorded.execute(options)
    plan = make_plan(options, *words_of(options), is_self=options.repeats is not None)
    look(options, plan, request_of(options, plan), kinds_of(options), must_count=options.measure is not None)
    if options.list:
        print_needed(plan)
        return 0
    from stackmatrix.commands.comparing.publish import console_for, publish

    console, folder = console_for(options), folder_of(options.results, plan)
    if options.bisect:
        from stackmatrix.commands.comparing import bisect

        return bisect.execute(options, plan, console)
    if options.repeats is not None:
        from stackmatrix.commands.comparing import with_itself

        return with_itself.execute(options, plan, console)
    measure(options, plan, console, lambda document: publish(document, options, console, folder))
    return 0


def words_of(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The words of both sides, as options or in their places.

    Raises:
        UsageError: for more than two sides.

    """
    places = list(options.sides)
    base = options.a or places[:1]
    head = options.b or (places if options.a else places[1:])
    if len(places) > (not options.a) + (not options.b):
        raise UsageError(
            f"A comparison has two sides, and {len(places)} were named beside --a and --b: leave some out."
        )
    return base, head


def print_needed(plan: Plan) -> None:
    """Print the nox sessions that install what a plan needs; what has no lock file the harness installs itself."""
    if plan.app is None:
        print_sessions(plan.cells)


def measure(
    options: argparse.Namespace,
    plan: Plan,
    console: "Console",
    done: "Callable[[ComparisonDocument], None]",
    threshold: float | None = None,
) -> None:
    """Measure both sides side by side until all is decided or the time is over; what is known then is ``done``.

    With a ``threshold`` all is decided when it is known of each figure whether the head is worse by that share.

    Raises:
        StackmatrixError: for what the user has to mend.
        KeyboardInterrupt: after what was known until then is done.

    """
    with prepared(options, plan, console, threshold) as request:
        run(options, plan, request, console, done)


@contextmanager
def prepared(
    options: argparse.Namespace, plan: Plan, console: "Console", threshold: float | None = None
) -> "Iterator[Request]":
    """What is asked of the runner, with everything that both sides need.

    Raises:
        StackmatrixError: for what the user has to mend.

    """
    request = request_of(options, plan, threshold)
    with ready(plan, request, _say(console)) as made:
        yield made


def run(
    options: argparse.Namespace,
    plan: Plan,
    request: "Request",
    console: "Console",
    done: "Callable[[ComparisonDocument], None]",
) -> None:
    """Measure once what is prepared.

    Raises:
        CellsFailedError: when a cell could not be measured; what is known of the others is done before.
        StackmatrixError: for what the user has to mend.
        KeyboardInterrupt: after what was known until then is done.

    """
    from stackmatrix.measurements.runner import Runner
    from stackmatrix.report.comparison.document import About, document_of
    from stackmatrix.report.live import make_view

    profile = _choose_profile(options, _say(console))
    if request.threshold is not None:  # nothing is judged before three blocks of a kind
        profile = replace(profile, ramps=LOOKS[0])
    runner = Runner(request, profile, _make_kinds(profile), make_view(console))
    began_s = time.monotonic()
    try:
        runner.run()
    finally:
        if runner.results:
            about = About(
                machine=runner.machine_name,
                minutes=(time.monotonic() - began_s) / 60,
                app=plan.app.name if plan.app is not None else None,
                base=plan.base.side,
                head=plan.head.side,
                command=command_of(options),
                unmeasured=runner.unmeasured,
            )
            done(document_of(about, runner.results, plan.pairs, request.threshold))
    runner.need_all()


def _say(console: "Console") -> Callable[[str], None]:
    return lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)


def _choose_profile(options: argparse.Namespace, say: Callable[[str], None]) -> Profile:
    """What is measured, and for how long; without a program that counts instructions there is one witness less.

    Raises:
        UsageError: for a kind that is not known.
        CounterMissingError: where counts were asked for and nothing here counts.

    """
    from stackmatrix.measurements.counts.kind import need_counter

    kinds = kinds_of(options)
    if "counts" in kinds:
        try:
            need_counter()
        except CounterMissingError as error:
            if options.measure is not None:
                raise
            say(f"Instructions are not counted, so CPU time is the only witness: {error}")
            kinds = tuple(one for one in kinds if one != "counts")
    blocks = min(MOST_BLOCKS, options.blocks or MOST_BLOCKS)
    return replace(PROFILES[DEFAULT_PROFILE], kinds=kinds, minutes=options.minutes, blocks=blocks, ramps=1)


def kinds_of(options: argparse.Namespace) -> tuple[str, ...]:
    return COMPARED_KINDS if options.measure is None else choose("kind", options.measure, KINDS)


def _make_kinds(profile: Profile) -> "list[Kind]":
    from stackmatrix.measurements.cost.kind import CostBlocks
    from stackmatrix.measurements.counts.kind import Counts
    from stackmatrix.measurements.hold import Holds
    from stackmatrix.measurements.ladder.kind import Ladders
    from stackmatrix.measurements.ramp.kind import Ramps
    from stackmatrix.measurements.stop import Stops

    every: dict[str, Kind] = {
        "cost": CostBlocks(),
        "counts": Counts(quick=True),
        "ramp": Ramps(begins=RAMPS_BEGIN),
        "stop": Stops(),
        "ladder": Ladders(),
        "hold": Holds(),
    }
    return [every[name] for name in profile.kinds]


def request_of(options: argparse.Namespace, plan: Plan, threshold: float | None = None) -> "Request":
    from stackmatrix.measurements.request import Request

    return Request(
        cells=plan.cells,
        seed=random.SystemRandom().getrandbits(32) if options.seed is None else options.seed,
        folder=folder_of(options.results, plan),
        machine_name=shared.machine_name(options),
        nox_report=options.nox_report,
        generators=options.processes,
        minutes=options.minutes,
        catalogue=plan.catalogue,
        pairs=plan.pairs,
        threshold=threshold,
    )


def folder_of(results: Path, plan: Plan) -> Path:
    """Where the blocks of a comparison are kept: later ones of the same two sides add to them."""
    titles = [plan.app.name if plan.app is not None else "", plan.base.side.title, plan.head.side.title]
    told = re.sub(r"[^\w.]+", "-", "--".join(one for one in titles if one)).strip("-")[:LONGEST_NAME]
    whole = "\0".join([*titles, str(plan.app.file) if plan.app is not None else ""])
    return results.resolve() / f"{told}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def command_of(options: argparse.Namespace) -> str:
    """What repeats a comparison by hand."""
    given = {"--app": options.app, "--stacks": options.stacks, "--pythons": options.pythons}
    given |= {"--workload": options.workload, "--measure": options.measure}
    words = [*options.sides]
    words += [word for one in options.a for word in ("--a", one)] + [word for one in options.b for word in ("--b", one)]
    words += [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return f"nox -s {options.command} -- {shlex.join([*words, '--minutes', f'{options.minutes:g}'])}"
