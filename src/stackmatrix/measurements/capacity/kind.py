"""The highest rate of arrivals that keeps latency objectives: searched for each cell, then confirmed in blocks."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, mode
from typing import ClassVar

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import SLOS_MS, rate_at
from stackmatrix.matrix.profiles import CAPACITY_BLOCKS, LONGEST_PROBE_S
from stackmatrix.matrix.schedule import ScheduledTrial, schedule
from stackmatrix.measurements.capacity import slo
from stackmatrix.measurements.capacity.probing import Probing, ProbingPlan
from stackmatrix.measurements.capacity.search import Bracket
from stackmatrix.measurements.request import CellState, Kind, Record, Setup, Show, Step
from stackmatrix.results.capacity import Capacity, Probe, ScoutLevel, SloCapacity
from stackmatrix.system.core_speed import PaceBook


@dataclass
class _CellSearch(CellState):
    """``steps`` are where each SLO's search ended, ``brackets`` those of its blocks."""

    scouted: list[ScoutLevel] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    steps: dict[float, int] = field(default_factory=dict)
    brackets: list[dict[float, Bracket]] = field(default_factory=list)


@dataclass
class CapacitySearch(Kind):
    """Searches each cell, then confirms what was found in ``confirmations`` blocks of fresh processes.

    A probe that stays undecided is ended after ``longest_s`` seconds.
    """

    confirmations: int = CAPACITY_BLOCKS
    longest_s: float = LONGEST_PROBE_S
    done: ClassVar[str] = "searched"
    estimate_s = 240.0
    _known: dict[Cell, _CellSearch] = field(default_factory=dict)

    def begin(self, setup: Setup) -> Sequence[Step]:
        self._setup = setup
        self._speed = PaceBook(setup.layout.target)
        if setup.cells:
            self._speed.begin()
        # All cells are searched with one seed, as all cells of a block are driven with one.
        seed = random.Random(setup.request.seed).getrandbits(32)
        self._plans: list[ScheduledTrial] = [ScheduledTrial(cell, -1, 0, seed) for cell in setup.cells]
        self._plans += schedule(setup.cells, self.confirmations, setup.request.seed)
        labels = [f"{one.cell}, {'search' if one.block < 0 else f'block {one.block + 1}'}" for one in self._plans]
        return [
            Step(label, (one.cell,), place) for place, (label, one) in enumerate(zip(labels, self._plans, strict=True))
        ]

    def perform(self, step: Step, show: Show) -> str:
        plan = self._plans[step.place]
        known = self._known.setdefault(plan.cell, _CellSearch())
        is_search = plan.block < 0
        if not is_search and (known.failure is not None or not known.steps):
            return known.failure or "nothing to confirm: the search found nothing"
        wanted = ProbingPlan(
            self._setup.subjects[plan.cell],
            None if is_search else plan.block,
            plan.seed,
            self.longest_s,
            None if is_search else known.steps,
        )
        probing = Probing(wanted, self._setup.layout, self._speed, self._setup.request.generators, show)
        started_s = time.monotonic()
        try:
            probing.run()
        finally:
            known.environment = known.environment or probing.environment
            known.probes += probing.probes
            known.duration_s += time.monotonic() - started_s
            if is_search:
                known.scouted = probing.scouted
                known.steps = found_steps(probing.brackets)
            else:
                known.brackets.append(probing.brackets)
        return _describe(probing)

    def fail(self, step: Step, reason: str) -> None:
        self._known[self._plans[step.place].cell].failure = reason

    def record(self, cell: Cell) -> Record | None:
        if (known := self._known.get(cell)) is None:
            return None
        capacity = Capacity(
            **known.stamp(self._setup, cell),
            run_id=self._setup.provenance.run_id,
            seed=self._setup.request.seed,
            scouted=tuple(known.scouted),
            probes=tuple(known.probes),
            sustained=tuple(
                sustain(slo_ms, [one.get(slo_ms) for one in known.brackets], known.probes) for slo_ms in SLOS_MS
            ),
        )
        return Record(known.environment, capacity)

    def failures(self) -> list[Cell]:
        return [cell for cell, known in self._known.items() if known.failure is not None]


def found_steps(brackets: dict[float, Bracket]) -> dict[float, int]:
    """Where the confirmation of each SLO begins: the last step that passed, or the lowest where not even that did."""
    narrow = {slo_ms: one for slo_ms, one in brackets.items() if one.last_pass is not None or one.is_narrow}
    return {slo_ms: one.last_pass or 0 for slo_ms, one in narrow.items()}


def sustain(slo_ms: float, brackets: Sequence[Bracket | None], probes: Sequence[Probe]) -> SloCapacity:
    """What the brackets of one SLO say together, block by block; one that stayed open does not count."""
    closed = [one if one is not None and one.is_narrow else None for one in brackets]
    blocks = tuple(None if one is None else _passed(one) for one in closed)
    passes = tuple(rate for rate in blocks if rate is not None)
    fails = [rate_at(one.first_fail) for one in closed if one is not None and one.first_fail is not None]
    last_pass = median(passes) if passes else None
    interval = slo.bootstrap_median(passes)
    bounds = [probe.bound for probe in probes if _missed(probe, slo_ms) and probe.rate in fails]
    return SloCapacity(
        slo_ms=slo_ms,
        state="undecided" if last_pass is None else "found" if last_pass else "never",
        last_pass=last_pass or None,
        first_fail=median(fails) if fails else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        blocks=blocks,
        limiter=mode(bounds) if bounds else None,
    )


def _passed(one: Bracket) -> float:
    return 0.0 if one.last_pass is None else rate_at(one.last_pass)


def _missed(probe: Probe, slo_ms: float) -> bool:
    return probe.validity == "valid" and any(one.slo_ms == slo_ms and one.met is False for one in probe.objectives)


def _describe(probing: Probing) -> str:
    found = []
    for slo_ms in SLOS_MS:
        bracket = probing.brackets.get(slo_ms)
        if bracket is None or not bracket.is_narrow:
            words = "undecided"
        elif bracket.last_pass is None:
            words = f"not even {rate_at(0):.3g}/s"
        else:
            words = f"{rate_at(bracket.last_pass):.3g}/s"
        found.append(f"{slo_ms:g} ms: {words}")
    return f"p99 within {', '.join(found)} ({len(probing.probes)} probes)"
