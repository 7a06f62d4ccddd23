"""Counts the instructions that one cell needs for a request: fresh processes, verified pages, a counter around them.

No time is measured here, so nothing has to be quiet, and the load is the simplest there is: so many clients that each
ask again as soon as they are answered. What a request costs does depend on how many others are under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.analysis.callgrind import Costs
from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.instructions import counters
from stackmatrix.measurements.instructions.clients import PATIENCE_S, ask_many
from stackmatrix.measurements.instructions.counters import InstructionCounter
from stackmatrix.measurements.request import Show
from stackmatrix.results.model import Environment
from stackmatrix.system import processes
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import external_api, testbed
from stackmatrix.testbed.testbed import Testbed

VIEW_PATIENCE_S = 400.0
"""For the view's own calls: shorter, so that a call whose answer was lost is a page that says so."""
KEEPALIVE_S = 250.0
"""For the connections of the view's client: fifty times httpx's 5 s, as everything takes so much longer."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests at once, whose calls take ``ms`` and twice and half as long.

    Before they are counted, ``warm`` requests are made.
    """

    in_flight: int
    ms: int
    warm: int
    requests: int


def loads_of(workload: Workload, slots: int | None) -> tuple[Load, ...]:
    """One request after the other, and twenty at once, where clients that walk their connections show it.

    Alone, a request costs the same however long it waits. Where many are under way, they have to wait as many times
    longer as the server is slower: else it would be overloaded, and its client would have to do with a queue that it
    does not have at full speed. Where a stack has fewer slots, that holds for those that are in the view.
    """
    count = workload.count_requests
    slow_ms = SLOW_MS * min(MANY, slots or MANY) // MANY
    return Load(1, QUICK_MS, min(WARM, count), count), Load(MANY, slow_ms, 0, max(MANY, min(MANY_REQUESTS, 2 * count)))


MANY, MANY_REQUESTS, WARM = 20, 80, 20
"""After some ten requests Python has specialised what they run; the first twenty cost 5 % more than those after."""
QUICK_MS, SLOW_MS = 10, 15_000
"""callgrind makes a server forty to eighty times slower, so calls of 300 ms become fifty times longer."""


@dataclass(frozen=True, slots=True)
class LoadCount:
    """What so many requests cost."""

    requests: int
    costs: Costs


@dataclass(frozen=True, slots=True)
class CountedRepeat:
    """One repeat: what was counted by the number in flight, and what served."""

    counts: dict[int, LoadCount]
    environment: Environment


@dataclass
class Counting:
    """Counts a subject once, in processes of its own."""

    subject: Subject
    layout: Layout
    show: Show
    loads: tuple[Load, ...] | None = None

    def run(self) -> CountedRepeat:
        """Start, verify, count, stop.

        Raises:
            TrialError: when the target cannot be counted, with the reason.
            CounterMissingError: when nothing here counts.

        """
        chosen: list[InstructionCounter] = []

        def wrap(folder: Path, command: Sequence[str]) -> tuple[str, ...]:
            chosen.append(counters.choose(folder))
            slowly = (f"SLOW_API_TIMEOUT_S={VIEW_PATIENCE_S:g}", f"SLOW_API_KEEPALIVE_S={KEEPALIVE_S:g}")
            return ("env", *slowly, *chosen[0].wrap(command))

        counted: CountedRepeat | None = None
        try:
            with testbed.start(
                [self.subject], self.layout, None, self.show, added=lambda one: one.stack.patience, wrap=wrap
            ) as bed:
                bed.verify(PATIENCE_S, pages=False)
                loads = loads_of(self.subject.workload, self.subject.stack.slots) if self.loads is None else self.loads
                counts = {load.in_flight: self._count(load, chosen[0], bed) for load in loads}
                counted = CountedRepeat(counts, bed.environments[self.subject.name])
        except SupervisorError:
            # Stopping is slow under valgrind, too, and what had to be killed had been counted.
            if counted is None:
                raise
        return counted

    def _count(self, load: Load, counter: InstructionCounter, bed: Testbed) -> LoadCount:
        port, workload = bed.places[0].port, self.subject.workload.with_delays(load.ms)
        self.show(f"{load.in_flight} in flight, warming up")
        ask_many(port, workload, load.in_flight, load.warm)
        pids = self._pids(bed)
        self.show(f"{load.in_flight} in flight, counting")
        counter.begin(pids)
        before = _calls(bed.api_port)
        ask_many(port, workload, load.in_flight, load.requests)
        seen = _calls(bed.api_port) - before
        if seen != load.requests * workload.calls:
            raise TrialError(f"The external API saw {seen} calls for {load.requests} pages.")
        costs = counter.end(pids)
        if self._pids(bed) != pids:
            raise TrialError("The target's processes changed while they were counted.")
        return LoadCount(load.requests, costs)

    def _pids(self, bed: Testbed) -> list[int]:
        return [process.pid for process in processes.tree(bed.circus.pid(self.subject.name))]


def _calls(api_port: int) -> int:
    figures = external_api.read_figures(api_port)
    if figures is None:
        raise TrialError("The external API did not give its figures.")
    return figures.calls_started
