"""What a deploy does to visitors: fresh processes of a cell, stopped one after the other with requests in flight.

It is a property of the server and its flags, and hardly of the page or the Python: a profile that has little time stops
each stack with one workload, on the newest Python. What counts is who was answered, so a few trials are enough. Where a
page comes too soon for a signal to meet it, a wait of the harness's own holds requests inside the application instead.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from stackmatrix.analysis.stops import Stopped, stopped
from stackmatrix.matrix.cells import Cell, Subject, of_newest_python
from stackmatrix.matrix.workloads import Workload
from stackmatrix.measurements.attempts import until_done
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step, now
from stackmatrix.results.conditions import Environment
from stackmatrix.results.stops import Stop, StopTrial
from stackmatrix.testbed import testbed
from stackmatrix.testbed.stopping import DEADLINE_S, IN_FLIGHT, Stopping

SHORTEST_MS, HELD_MS = 300, 600
"""A page that comes sooner is answered before the signal can be sent while all requests are inside the view: then a
request is held for so long as the built-in site's own page takes."""
MOST_FAILURES = 2
"""After so many in one run, nothing of a cell is tried again."""
LAST_TURN = 1
"""In it, what failed in the first turn is tried again."""
TRIAL_S, PAGES = 3.5, 4.0
"""For the estimate: the start and the end of a target, and how often the page is waited for."""
LONG_S = 30.0
"""A block that has taken so long has no further trial: a server that does not end waits for its deadline each time."""


@dataclass
class Stops(Kind):
    """All trials of one cell a step, once."""

    name: ClassVar[str] = "stop"
    clock_s: Callable[[], float] = time.monotonic

    def begin(self, setup: Setup) -> None:
        self._setup = setup

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        if turn > LAST_TURN:
            return ()
        chosen = [cell for cell in self._cells() if standing.failed.get(cell, 0) < MOST_FAILURES]
        chosen = [cell for cell in chosen if not has_stop(standing, cell)]
        random.Random(f"{self._setup.request.seed}:stops:{turn}").shuffle(chosen)
        return [Step(f"{cell}, stop", (cell,), turn, self._estimate_s(cell)) for cell in chosen]

    def _cells(self) -> tuple[Cell, ...]:
        """The cells to stop: all, or of each stack the newest Python with the first workload whose own page waits.

        Where no workload has such a page, it is the first one, whose requests are held.
        """
        setup = self._setup
        waiting = [workload for workload in setup.workloads if held_ms(workload) is None]
        workloads = setup.workloads if setup.profile.stops_all else (waiting or setup.workloads)[:1]
        cells = [cell for one in workloads for cell in setup.cells_of(one) if cell.control is None]
        return tuple(cells) if setup.profile.stops_all else of_newest_python(cells)

    def _estimate_s(self, cell: Cell) -> float:
        workload = self._setup.subjects[cell].workload
        page_s = (held_ms(workload) or workload.first_page_ms) / 1000
        return self._setup.profile.stop_trials * (TRIAL_S + PAGES * page_s)

    def perform(self, step: Step, show: Show) -> Outcome:
        (cell,) = step.cells
        started, began_s = now(), self.clock_s()
        trials: list[StopTrial] = []
        subject = self._setup.subjects[cell]
        environment, loop_ms = None, None
        while len(trials) < self._setup.profile.stop_trials and self.clock_s() - began_s < LONG_S:
            trial, environment, loop_ms = until_done(partial(self._trial, subject, show), show)
            trials.append(trial)
        block = Stop(
            **self._setup.stamp(step.number, started, self.clock_s() - began_s),
            validity="valid",
            in_flight=IN_FLIGHT,
            deadline_s=DEADLINE_S,
            trials=tuple(trials),
            held_ms=held_ms(subject.workload),
        )
        assert environment is not None, "every stack says what serves it"
        loops_ms = {} if loop_ms is None else {cell: loop_ms}
        return Outcome(describe(block), {cell: block}, {cell: environment}, loops_ms=loops_ms)

    def _trial(self, subject: Subject, show: Show) -> tuple[StopTrial, Environment | None, float | None]:
        held = held_ms(subject.workload)
        with testbed.start([subject], self._setup.layout, None, show, holds=held is not None) as bed:
            bed.verify()
            trial = Stopping(bed, held_ms=held).run()
        return trial, bed.environments.get(subject.name), bed.loops_ms.get(subject.name)


def held_ms(workload: Workload) -> int | None:
    """How long requests are held, in ms; ``None`` where the page itself takes so long that a signal meets them."""
    return None if workload.first_page_ms >= SHORTEST_MS else HELD_MS


def has_stop(standing: Standing, cell: Cell) -> bool:
    result = standing.results.get(cell)
    return result is not None and any(block.is_valid for block in result.stops)


def describe(block: Stop) -> str:
    """The stops of a cell in a line."""
    found = stopped([block])
    assert found is not None, "there is a trial"
    parts = [f"{found.in_flight.answered} of {found.in_flight.all} visitors in flight answered", _ending(found)]
    if found.held_ms is not None:
        parts.append(f"requests held for {found.held_ms} ms by the harness")
    if found.late.lost:
        parts.append(f"{found.late.lost} of {found.late.all} later ones lost")
    return ", ".join(parts)


def _ending(found: Stopped) -> str:
    if found.stayed:
        return f"{', '.join(found.left)} left after {found.deadline_s:g} s"
    assert found.gone_s is not None
    return f"gone after {found.gone_s.mid:.1f} s"
