"""Everything that is up while something is measured: the external API, one target or many, the load, and the meters.

Targets side by side share a core, and one plan of arrivals goes round them. A core that is shared with strangers keeps
changing its speed: side by side every target meets the same, as each process's clock counts its own CPU time.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from stackmatrix.analysis.exceptions import said
from stackmatrix.analysis.level.facts import LevelFacts, Pace
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.analysis.level.usage import Role, Surroundings, Use, together
from stackmatrix.errors import DisturbedError, TrialError
from stackmatrix.load.generator import DrivenLevel, LoadGenerator
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.arrivals import planned
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.workloads import Workload
from stackmatrix.results.conditions import Environment
from stackmatrix.results.findings import Finding
from stackmatrix.system import private_folders
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.system.cores import Layout, pinned
from stackmatrix.testbed import external_api, places, readiness, verification
from stackmatrix.testbed.metering import Metering
from stackmatrix.testbed.places import Place
from stackmatrix.testbed.raised import RaisedLogs
from stackmatrix.testbed.supervisor import API, Supervisor, Target
from stackmatrix.testbed.watch import SubjectError, Watch

VERIFIED_AT_ONCE = 4
"""Targets whose pages are asked for at once: each mostly waits, and must not wait for the core."""

type Show = Callable[[str], None]


@dataclass(frozen=True)
class MeasuredLevel:
    """What was measured: ``facts`` of the load as a whole; each target's rows, use, and why it raised what it did."""

    facts: LevelFacts
    rows: tuple[LevelRows, ...]
    uses: tuple[Use, ...]
    named: tuple[tuple[Finding, ...], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """How targets are loaded: by so many processes, each target with the pages of its own workload.

    With a workload ``of_api`` the external API is loaded in place of the targets.
    """

    processes: int = 1
    of_api: Workload | None = None


@dataclass
class Testbed:
    """Subjects that are up, each at a place of its own. Made by :func:`start`; call :meth:`verify` first."""

    places: Sequence[Place]
    api_port: int
    circus: Supervisor
    generator: LoadGenerator | None
    layout: Layout
    show: Show
    raised: RaisedLogs
    speed: PaceBook | None = None
    environments: dict[str, Environment] = field(default_factory=dict)
    """What serves each subject, by its name; filled by :meth:`verify`."""
    loops_ms: dict[str, float] = field(default_factory=dict)
    """What a fixed loop of pure Python took on each subject's interpreter, by its name."""
    load_s: float = 0.0
    """How long the targets were under load so far, in seconds."""
    discarded: bool = False
    """Whether the targets may be gone: nothing more is asked of them."""
    _metering: Metering | None = None

    def __post_init__(self) -> None:
        self.watch = Watch(self.circus, [place.subject for place in self.places])

    def verify(self, patience_s: float = verification.READY_TIMEOUT_S, *, pages: bool = True) -> None:
        """Wait until everything answers, and check each target: what it is and, with ``pages``, how it answers.

        Raises:
            SubjectError: for the first that does not come up or is not what it should be.
            TrialError: when the external API does not come up.

        """
        external_api.wait_ready(self.api_port, partial(self.circus.why_gone, API))
        cells = f"{len(self.places)} cells " if len(self.places) > 1 else ""
        self.show(f"{cells}starting")
        for place in self.places:
            with self._blaming(place.subject):  # all start at once on one core, so each has the time of all
                self._identify(place, max(patience_s, place.subject.app.ready_within_s) * len(self.places))
        self.show(f"verifying {cells}".rstrip())
        if pages:
            with ThreadPoolExecutor(VERIFIED_AT_ONCE) as pool:
                list(pool.map(self._verify_page, self.places))
        for place in self.places if pages else ():
            # Once all others are at rest: they share the core.
            if place.subject.app.wrapped and (loop_ms := verification.read_loop_ms(place.port)) is not None:
                self.loops_ms[place.subject.name] = loop_ms
        self.circus.note_tree()
        self._metering = Metering(self.circus, self.generator.pids if self.generator else (), self.layout, self.places)
        self._metering.begin()

    @contextlib.contextmanager
    def _blaming(self, subject: Subject) -> Iterator[None]:
        try:
            with self.circus.explaining(subject.name):
                yield
        except TrialError as error:
            if (why := self.watch.why_nobodys_fault()) is not None:
                raise DisturbedError(f"{why[0].upper()}{why[1:]}.") from error
            told = f"{error} {said(self.raised.take(subject))}".rstrip()
            silent = self.circus.has_ended_silently(subject.name)
            raise SubjectError(subject, told, error.log, may_come_up=silent) from error

    def _verify_page(self, place: Place) -> None:
        if place.subject.app.wrapped:
            with self._blaming(place.subject):
                verification.verify_workload(place.port, self.api_port, place.subject.workload)

    def _identify(self, place: Place, patience_s: float) -> None:
        subject = place.subject
        why_over = self.circus.watch_start(subject.name, subject.stack.workers)

        def alive() -> str | None:
            return why_over() or self.watch.why(subject)

        if not subject.app.wrapped:
            verification.wait_for_page(place.port, subject.workload, alive)
            return
        identity = verification.wait_for_identity(place.port, alive, patience_s)
        self.circus.need_own(subject.name, identity.pid)
        readiness.wait_until_ready(subject, place.port, alive, patience_s)
        if subject.stack.workers > 1:
            verification.verify_workers(place.port, subject.stack.workers)
        log = self.circus.log_of(subject.name)
        python = verification.verify_identity(identity, subject.stack, subject.runtime.version, log)
        self.environments[subject.name] = places.describe(place, self.circus.folder, python, identity.packages)

    @property
    def target_pids(self) -> tuple[int, ...]:
        return self.meters.target_pids

    @property
    def meters(self) -> Metering:
        assert self._metering is not None, "verify comes first"
        return self._metering

    def plant(self, burn_ms: float) -> None:
        """Set the CPU time that the planted control burns for each request from now on."""
        places.plant(self.circus.folder, burn_ms)

    def warm_up(self, order: LevelOrder | None) -> None:
        """Wait for the load generator, and drive one level apart from everything that is measured."""
        assert self.generator is not None
        self.generator.wait_ready(self.tick)
        if order is not None:
            self._drive(order)

    def idle_shares(self, span_s: float) -> tuple[float, ...]:
        """The CPU share of each target while nothing is asked of any for so long; 0 for no time."""

        def wait() -> None:
            end_s = time.monotonic() + span_s
            while time.monotonic() < end_s:
                time.sleep(0.1)
                self.tick()

        if span_s <= 0:
            return (0.0,) * len(self.places)
        uses = self.meters.span(wait)
        return tuple(uses[place.subject.name].cpu_share for place in self.places)

    def drive(self, order: LevelOrder, level: LoadLevel, at_start: Callable[[], None] = lambda: None) -> MeasuredLevel:
        """Drive one level, between two readings of the core's speed where it is read, and gather what is known of it.

        ``at_start`` is called when its window begins.

        Raises:
            TrialError: when a target, the external API or the generator has ended.

        """
        speed, first = self.speed, self.places[0].subject
        earlier_s, before_s = (speed.readings, speed.read_surely()) if speed else ((), 0.0)
        self.raised.take_all()  # that of before is no part of the level
        driven, uses, around = self._drive(order, at_start)
        pace = Pace(before_s, speed.read_surely(), earlier_s) if speed else None
        rows, is_open = driven.rows, level.model == "open"
        of_targets = tuple(uses[place.subject.name] for place in self.places)
        named = self.raised.take_all()
        facts = LevelFacts(
            plan=level,
            workload=first.workload,
            stack=first.stack,
            rows=rows,
            uses={**uses, Role.TARGET: together(of_targets)},
            api_before=driven.api_before,
            api_after=driven.api_after,
            target_pids_verified=self.meters.verified_pids,
            target_pids_now=self.target_pids,
            around=around,
            pace=pace,
            recorded=driven.recorded,
            named=named[0] if len(named) == 1 else (),
            planned=planned(order.value, order.settle_s, rows.window_s, order.seed) if is_open else None,
        )
        return MeasuredLevel(facts, tuple(map(rows.of_target, range(len(self.places)))), of_targets, named)

    def _drive(
        self, order: LevelOrder, at_start: Callable[[], None] = lambda: None
    ) -> tuple[DrivenLevel, dict[str, Use], Surroundings]:
        generator = self.generator
        assert generator is not None
        measured = self.meters.level(lambda on_window: generator.run(order, on_window, self.tick), at_start)
        self.load_s += measured[0].drained_s - measured[0].started_s
        return measured

    def tick(self) -> None:
        """Look at everything that could have gone wrong, and read the meters.

        Raises:
            SubjectError, TrialError: as ``Watch.look`` has it.

        """
        self.watch.look(discarded=self.discarded)
        self.meters.tick()

    def rows(self) -> bytes:
        """Every request that was recorded so far."""
        assert self.generator is not None
        return self.generator.rows()


@contextlib.contextmanager
def start(
    subjects: Sequence[Subject],
    layout: Layout,
    load: Load | None,
    show: Show = lambda _: None,
    *,
    speed: PaceBook | None = None,
    at: Mapping[str, int] | None = None,
    added: Callable[[Subject], Sequence[str]] = lambda _: (),
    wrap: Callable[[Path, Sequence[str]], Sequence[str]] = lambda _, command: command,
    holds: bool = False,
) -> Iterator[Testbed]:
    """Start the external API, all subjects and the load generator; stop them all at the end.

    Without a ``load`` there is no generator. ``speed`` is read around each level. ``at`` gives subjects and the
    external API ports by name; by default they have free ones. ``added`` are arguments that a use of a stack adds to
    its command; ``wrap`` makes of that what is run, given the private folder. With ``holds`` targets can hold requests.

    Raises:
        PortTakenError: when there are no free ports.
        TrialError: when something does not start.
        SupervisorError: when something does not stop.

    """
    folder = private_folders.make()
    try:
        at = places.free_ports(subjects) if at is None else at
        with private_folders.closed(), pinned(layout.harness):  # an application's services may be started anew
            every = places.place(subjects, at, added, folder, layout, holds=holds)
            places.plant(folder, 0.0)
        targets = [Target(one.subject.name, tuple(wrap(folder, one.command)), one.setting) for one in every]
        circus, api_port = Supervisor(targets, at[API], layout, folder), places.api_port(subjects, at)
        generator = None if load is None else _make_generator(load, every, api_port, layout, folder)
        # The harness stays off the target's core, which it would be charged to.
        with private_folders.closed(), pinned(layout.harness), circus, generator or contextlib.nullcontext():
            bed = Testbed(every, api_port, circus, generator, layout, show, RaisedLogs(subjects, folder), speed)
            yield bed
            if generator is not None:
                generator.finish(bed.tick)
    finally:
        private_folders.remove(folder)


def _make_generator(load: Load, every: Sequence[Place], api_port: int, layout: Layout, folder: Path) -> LoadGenerator:
    # The sides of a comparison may have sessions and answers of their own for the same pages.
    at = {one.port: one.subject.workload for one in every} if load.of_api is None else {api_port: load.of_api}
    return LoadGenerator(
        folder=folder,
        ports=list(at),
        workloads=list(at.values()),
        cores=layout.generator,
        count=load.processes,
        read_api=partial(external_api.read_figures, api_port),
    )
