"""The main job: measure the chosen cells until everything is decided or the time is over, and say the answer."""

import argparse
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.commands.choice import Choice, choose_cells, make_request
from stackmatrix.commands.examining.case import Case
from stackmatrix.commands.examining.first import look_first
from stackmatrix.commands.options import (
    RESULTS,
    add_blocks,
    add_cell_options,
    add_json,
    add_processes,
    add_seed,
    minutes,
    seconds,
    window_seconds,
)
from stackmatrix.errors import UsageError
from stackmatrix.matrix.cells import choose, choose_one
from stackmatrix.matrix.ladder import LoadModel, parse_ladder
from stackmatrix.matrix.profiles import DEFAULT_PROFILE, KINDS, MOST_BLOCKS, PROFILES, Profile
from stackmatrix.matrix.wording import plural, were

if TYPE_CHECKING:
    from stackmatrix.measurements.request import Kind, Request
    from stackmatrix.measurements.runner import Runner


def add_options(parser: argparse.ArgumentParser, data: str = "the verdicts") -> None:
    add_cell_options(parser)
    profiles = "; ".join(f"{profile.name}: {profile.summary}" for profile in PROFILES.values())
    parser.add_argument("--profile", default=DEFAULT_PROFILE, help=f"how much evidence ({profiles})")
    parser.add_argument("--measure", metavar="A,B", help=f"kinds, in place of the profile's: {', '.join(KINDS)}")
    parser.add_argument("--minutes", type=minutes, metavar="M", help="end after so many minutes of measuring")
    add_blocks(parser, f"cost blocks at most, up to {MOST_BLOCKS}; earlier ones count")
    parser.add_argument("--users", metavar="N,M", help="closed-loop levels of the ladder, such as 1,10,50")
    parser.add_argument("--rates", metavar="R,S", help="open-loop levels in arrivals per second, such as 5,10,20")
    parser.add_argument("--window", type=window_seconds, metavar="S", help="seconds measured at each level")
    parser.add_argument("--warmup", type=seconds, metavar="S", help="seconds of load before the first level")
    add_seed(parser)
    parser.add_argument("--all-levels", action="store_true", help="drive the levels beyond saturation, too")
    add_processes(parser)
    parser.add_argument("--rows", type=Path, metavar="DIR", help="keep every single request of ladders in this folder")
    parser.add_argument("--fail-on-missing", action="store_true", help="fail when a Python cannot be had")
    add_json(parser, data)


def execute(options: argparse.Namespace) -> int:
    """Measure what was asked for; what was measured until Ctrl-C is answered from, too.

    Raises:
        CellsFailedError: when a cell failed; everything else was done before.

    """
    choice = choose_cells(options)
    profile = choose_profile(options, choice)
    request = make_request(options, profile, choice)
    look_first(case_of(options, request, profile, choice), options)
    need_no_better(profile, request)
    if options.list:
        choice.print_sessions()
        return 0
    from stackmatrix.measurements.runner import Runner
    from stackmatrix.report.live import make_view
    from stackmatrix.report.terminal import make_console

    console = make_console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    with _ready(choice, request, say) as request:
        runner = Runner(request, profile, make_kinds(options, profile), make_view(console))
        try:
            runner.run()
        finally:
            answer(options, runner)
    if options.commit and runner.written:
        from stackmatrix.system import git

        # A line of a list is nothing that git takes for a trailer, whatever a machine is called.
        names = "\n".join(f"- {path.relative_to(options.results.resolve())}" for path in runner.written)
        title = f"Measure {plural(len(runner.written), 'cell')} on {runner.machine_name}"
        git.commit(runner.written, f"{title}\n\n{names}\n")
    runner.need_all()
    return 0


def case_of(options: argparse.Namespace, request: "Request", profile: Profile, choice: Choice) -> Case:
    """What is looked at before all this."""
    return Case(request, profile, choice.app, choice.interpreters, committed=options.commit)


def need_no_better(profile: Profile, request: "Request") -> None:
    """Make sure that what only proves the wiring takes no place of evidence.

    Raises:
        UsageError: when results of a better profile are where this run would write.
        ResultFileError: when what is there cannot be read.

    """
    from stackmatrix.measurements.request import prepare
    from stackmatrix.results import store

    if profile.compares:
        return

    def is_evidence(name: str) -> bool:
        return name not in PROFILES or PROFILES[name].compares

    machine = prepare(request)[2]
    earlier = (store.read_earlier(request.folder, machine, cell) for cell in request.cells)
    better = {run.profile for one in earlier if one is not None for run in one.runs if is_evidence(run.profile)}
    if better:
        raise UsageError(
            f"{request.folder / machine} holds evidence of a run with --profile {min(better)}, which this "
            f"{profile.name} run would replace: choose another --results, --machine or --profile."
        )


@contextmanager
def _ready(choice: Choice, request: "Request", say: Callable[[str], None]) -> "Iterator[Request]":
    """The request with all that its cells need beside what nox has installed."""
    if choice.app is not None:
        from stackmatrix.commands import own_app

        with own_app.ready(choice.app, request, choice.interpreters, say) as prepared:
            yield prepared
        return
    from stackmatrix.testbed import overridden

    yield replace(request, catalogue=overridden.install(request.cells, request.catalogue, choice.interpreters, say))


def answer(options: argparse.Namespace, runner: "Runner") -> None:
    """Print what is known now, and where it stands; write it as JSON where that was asked for."""
    if not runner.results:
        return
    from stackmatrix.analysis.summary import summarize
    from stackmatrix.report import verdicts
    from stackmatrix.report.terminal import make_console, print_answer
    from stackmatrix.results import writing

    console = make_console()
    machine = summarize(runner.machine_name, runner.results)
    if runner.stopped:
        console.print(runner.stopped, markup=False, highlight=False)
    print_answer(console, machine)
    folder = options.results.resolve() / runner.machine_name
    added = f"{were(len(runner.written), 'file')} written in" if runner.written else "Nothing was left to measure in"
    console.print(f"{added} {folder}", soft_wrap=True, highlight=False, markup=False)
    where = "" if options.results == RESULTS else f" -- --results {shlex.quote(str(options.results))}"
    hint = f"Pages and a report of these results: nox -s summarize{where}"
    console.print(hint, soft_wrap=True, highlight=False, markup=False)
    if options.json:
        writing.write_atomically(options.json.resolve(), verdicts.encode(machine))


def make_kinds(options: argparse.Namespace, profile: Profile) -> "list[Kind]":
    """The kinds of measurement that a run makes, in the order in which a turn has them."""
    from stackmatrix.measurements.cost.kind import CostBlocks
    from stackmatrix.measurements.counts.kind import Counts
    from stackmatrix.measurements.hold import Holds
    from stackmatrix.measurements.ladder.kind import Ladders
    from stackmatrix.measurements.ramp.kind import Ramps
    from stackmatrix.measurements.ramp.null import NullRamps
    from stackmatrix.measurements.stop import Stops

    every: dict[str, tuple[Kind, ...]] = {
        "cost": (CostBlocks(),),
        "ramp": (NullRamps(), Ramps()),
        "stop": (Stops(),),
        "ladder": (Ladders(all_levels=options.all_levels, rows_folder=options.rows),),
        "hold": (Holds(),),
        "counts": (Counts(),),
    }
    return [kind for name in profile.kinds for kind in every[name]]


def choose_profile(options: argparse.Namespace, choice: Choice) -> Profile:
    """The profile that was asked for, with the choices that were given put in its place.

    Raises:
        UsageError: for what is not known or cannot be.

    """
    profile = PROFILES[choose_one("profile", options.profile, tuple(PROFILES))]
    if options.commit and not profile.compares:
        raise UsageError(
            f"A {profile.name} run proves that everything works, and what it measures is no evidence to commit: "
            "leave out --commit, or choose another --profile."
        )
    kinds = profile.kinds if options.measure is None else choose("kind", options.measure, KINDS)
    ladder = tuple(level for model, text in _given(options) if text is not None for level in parse_ladder(model, text))
    if ladder and "ladder" not in kinds:
        kinds = tuple(kind for kind in KINDS if kind in kinds or kind == "ladder")
    levels = profile.levels
    if options.window is not None:
        levels = replace(levels, window_s=options.window)
    if options.warmup is not None:
        levels = replace(levels, warmup_s=options.warmup)
    return replace(
        profile,
        kinds=kinds,
        minutes=options.minutes or (profile.minutes_alone if choice.is_one_stack else profile.minutes),
        blocks=min(MOST_BLOCKS, options.blocks or profile.blocks),
        ladder=ladder or profile.ladder,
        levels=levels,
    )


def _given(options: argparse.Namespace) -> tuple[tuple[LoadModel, str | None], ...]:
    """The levels that were given, by load model."""
    return ("closed", options.users), ("open", options.rates)
