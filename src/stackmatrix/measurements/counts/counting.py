"""Counts the instructions that one cell needs for a request: fresh processes, verified pages, a counter around them.

No time is measured here, so nothing has to be quiet, and the load is the simplest there is: so many clients that each
ask again as soon as they are answered. What a request costs does depend on how many others are under way.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from stackmatrix.analysis import instructions
from stackmatrix.analysis.callgrind import Costs
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.counts import counters
from stackmatrix.measurements.counts.clients import PATIENCE_S, ask_many
from stackmatrix.measurements.counts.counters import InstructionCounter
from stackmatrix.measurements.counts.sameness import FixedPlaces, fixed_places
from stackmatrix.measurements.request import Show
from stackmatrix.results.conditions import Environment
from stackmatrix.results.counts import InstructionCount
from stackmatrix.system import processes
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import external_api, testbed
from stackmatrix.testbed.testbed import Testbed

VIEW_PATIENCE_S = 400.0
"""For the view's own calls: shorter, so that a call whose answer was lost is a page that says so."""
KEEPALIVE_S = 250.0
"""For the connections of the view's client: fifty times httpx's 5 s, as everything takes so much longer."""
IDLE_AFTER_S = 2.0
"""From the end of the load: the target closes its connections then, which is no idle's work."""
LONGEST_IDLE_S = 10.0
"""What an idle target executes comes ten times a second (Uvicorn) to once (Gunicorn), evenly: this interval stands for
a longer one in proportion. That of 20 in flight would be two minutes, for a hundredth of the count."""


@dataclass(frozen=True, slots=True)
class CountedLoad:
    """So many requests at once, whose calls take ``ms`` and twice and half as long.

    There is no ``ms`` where nobody can say how long they take. Before they are counted, ``warm`` requests are made.
    """

    in_flight: int
    ms: int | None
    warm: int
    requests: int


def loads_of(workload: Workload, slots: int | None) -> tuple[CountedLoad, ...]:
    """One request after the other, and twenty at once, where clients that walk their connections show it.

    Alone, a request costs the same however long it waits. Where many are under way, they have to wait as many times
    longer as the server is slower: else it would be overloaded, and its client would have to do with a queue that it
    does not have at full speed. Where a stack has fewer slots, that holds for those that are in the view.
    Pages whose calls are not known, or that make none, are counted as they are.
    """
    count = workload.count_requests
    slow_ms = SLOW_MS * min(MANY, slots or MANY) // MANY
    known = workload.calls_known and workload.delays_ms
    return (
        CountedLoad(1, QUICK_MS if known else None, min(WARM, count), count),
        CountedLoad(MANY, slow_ms if known else None, 0, max(MANY, min(MANY_REQUESTS, 2 * count))),
    )


def quick_loads_of(workload: Workload, slots: int | None) -> tuple[CountedLoad, ...]:
    """One request after the other, and fewer of them: for what is counted again and again."""
    alone = loads_of(workload, slots)[0]
    return (replace(alone, requests=min(QUICK_REQUESTS, alone.requests)),)


QUICK_REQUESTS = 40
"""After those that warm it up: what a request costs differs by less than a thousandth."""
MANY, MANY_REQUESTS, WARM = 20, 80, 20
"""After some ten requests Python has specialised what they run; the first twenty cost 5 % more than those after."""
QUICK_MS, SLOW_MS = 10, 15_000
"""callgrind makes a server forty to eighty times slower, so calls of 300 ms become fifty times longer."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one fresh process tree, by what, and what served."""

    counts: tuple[InstructionCount, ...]
    counter: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts a subject once, in processes of its own."""

    subject: Subject
    layout: Layout
    hash_seed: int
    show: Show
    loads: tuple[CountedLoad, ...] | None = None

    def run(self) -> Counted:
        """Start, verify, count, stop.

        Raises:
            TrialError: when the target cannot be counted, with the reason.
            CounterMissingError: when nothing here counts.

        """
        with fixed_places(self.subject) as places:
            return self._run(places.move(self.subject), places)

    def _run(self, subject: Subject, places: FixedPlaces) -> Counted:
        chosen: list[InstructionCounter] = []

        def wrap(folder: Path, command: Sequence[str]) -> tuple[str, ...]:
            chosen.append(counters.choose(folder))
            slowly = {"SLOW_API_TIMEOUT_S": f"{VIEW_PATIENCE_S:g}", "SLOW_API_KEEPALIVE_S": f"{KEEPALIVE_S:g}"}
            return places.start(command, chosen[0].wrap, {**places.variables(self.hash_seed), **slowly})

        counted: Counted | None = None
        try:
            with testbed.start(
                [subject], self.layout, None, self.show, added=lambda one: one.stack.patience, wrap=wrap
            ) as bed:
                bed.verify(PATIENCE_S, pages=False)
                loads = loads_of(subject.workload, subject.stack.slots) if self.loads is None else self.loads
                counts = tuple(self._count(load, chosen[0], bed) for load in loads)
                counted = Counted(counts, chosen[0].version, as_measured(bed.environments[subject.name], subject))
        except SupervisorError:
            # Stopping is slow under valgrind, too, and what had to be killed had been counted.
            if counted is None:
                raise
        return counted

    def _count(self, load: CountedLoad, counter: InstructionCounter, bed: Testbed) -> InstructionCount:
        port, declared = bed.places[0].port, self.subject.workload
        workload = declared if load.ms is None else declared.with_delays(load.ms)
        self.show(f"{load.in_flight} in flight, warming up")
        ask_many(port, workload, load.in_flight, load.warm)
        pids = self._pids(bed)
        self.show(f"{load.in_flight} in flight, counting")
        before = _calls(bed.api_port)
        costs, counted_s = _span(counter, pids, lambda: ask_many(port, workload, load.in_flight, load.requests))
        seen = _calls(bed.api_port) - before
        if workload.calls_known and seen != load.requests * workload.calls:
            raise TrialError(f"The external API saw {seen} calls for {load.requests} pages.")
        self.show(f"{load.in_flight} in flight, counting what an idle target executes")
        time.sleep(IDLE_AFTER_S)
        idle, idle_s = _span(counter, pids, lambda: time.sleep(min(counted_s, LONGEST_IDLE_S)))
        if self._pids(bed) != pids:
            raise TrialError("The target's processes changed while they were counted.")
        idle_part = instructions.idle_part(costs, idle, counted_s / idle_s)
        return instructions.count_of(load.in_flight, load.requests, costs, idle_part)

    def _pids(self, bed: Testbed) -> list[int]:
        return [process.pid for process in processes.tree(bed.circus.pid(self.subject.name))]


def _span(counter: InstructionCounter, pids: Collection[int], during: Callable[[], object]) -> tuple[Costs, float]:
    """What was executed during something, and how many seconds that took."""
    counter.begin(pids)
    began_s = time.monotonic()
    during()
    took_s = time.monotonic() - began_s
    return counter.end(pids), took_s


def as_measured(environment: Environment, subject: Subject) -> Environment:
    """What served, as every other kind of measurement has it: the server was only given more patience here."""
    patience = len(subject.stack.patience)
    return msgspec.structs.replace(environment, command=environment.command[: len(environment.command) - patience])


def _calls(api_port: int) -> int:
    figures = external_api.read_figures(api_port)
    if figures is None:
        raise TrialError("The external API did not give its figures.")
    return figures.calls_started
