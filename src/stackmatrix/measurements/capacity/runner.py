"""Searches every chosen cell's capacity, confirms it in blocks, and puts it into the files beside their trials."""

import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, mode

from rich.console import Console

from stackmatrix.matrix import objectives
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import rate_at
from stackmatrix.matrix.schedule import TrialPlan, schedule
from stackmatrix.measurements.beside import need_files, prepare, write_beside
from stackmatrix.measurements.capacity import slo
from stackmatrix.measurements.capacity.search import Bracket
from stackmatrix.measurements.capacity.trial import CapacityPlan, CapacityTrial
from stackmatrix.measurements.progress import RunProgress
from stackmatrix.results.capacity import Capacity, Probe, Scouted, Sustained
from stackmatrix.results.model import Environment
from stackmatrix.results.store import Written
from stackmatrix.system import cores, git, host
from stackmatrix.system.core_speed import PaceBook
from stackmatrix.testbed import environments
from stackmatrix.testbed.targetbench import Conditions

ESTIMATE_S = 240.0
"""For one search or block, until one was timed."""


@dataclass(frozen=True, slots=True)
class CapacityOrder:
    """Everything that was asked for. A probe that stays undecided is ended after ``longest_s``."""

    cells: tuple[Cell, ...]
    blocks: int
    seed: int
    longest_s: float
    folder: Path
    machine_name: str | None = None
    nox_report: Path | None = None
    generators: int = 1


@dataclass
class Searched:
    """What is known of one cell; ``steps`` are where each SLO's search ended, ``brackets`` those of its blocks."""

    started: str
    scouted: list[Scouted] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    steps: dict[float, int] = field(default_factory=dict)
    brackets: list[dict[float, Bracket]] = field(default_factory=list)
    never: set[float] = field(default_factory=set)
    environment: Environment | None = None
    duration_s: float = 0.0
    failure: str | None = None


class CapacityRunner:
    """Searches an order's cells. All that the user has to mend is found before the first one."""

    def __init__(self, order: CapacityOrder, console: Console) -> None:
        self._order = order
        self.console = console
        self._layout = cores.divide_cores(order.generators)
        self._pace = PaceBook(self._layout.target)
        self._machine = host.describe(self._layout)
        self.machine_name = order.machine_name or host.slug(self._machine)
        self._id = uuid.uuid4().hex
        self._commit: str | None = None
        self._searched: dict[Cell, Searched] = {}
        self.written: dict[Cell, Written] = {}
        self.failed: list[Cell] = []

    def run(self) -> list[Written]:
        """Search, then confirm in blocks; returns the written files.

        Raises:
            StackmatrixError: for what the user must mend, before anything is measured.
            KeyboardInterrupt: after everything is stopped; what was found until then is written.

        """
        order = self._order
        self._commit = git.git_commit()
        need_files(order.folder, self.machine_name, order.cells)
        cells, self.failed = prepare(order.cells, order.nox_report, self.console)
        if cells:
            self._pace.begin()
        trials = list(schedule(cells, order.blocks, order.seed))
        with RunProgress(self.console, len(cells) + len(trials), ESTIMATE_S) as progress:
            # All cells are searched with one seed, as all cells of a block are driven with one.
            seed = random.Random(order.seed).getrandbits(32)
            for cell in cells:
                self._search(cell, seed, progress)
            for trial in trials:
                self._confirm(trial, progress)
        self.failed += [cell for cell, searched in self._searched.items() if searched.failure is not None]
        return list(self.written.values())

    def _search(self, cell: Cell, seed: int, progress: RunProgress) -> None:
        progress.begin(f"{cell}, search")
        searched = Searched(datetime.now(UTC).isoformat(timespec="seconds"))
        self._searched[cell] = searched
        trial = self._probe(CapacityPlan(cell, None, seed, self._order.longest_s), searched, progress)
        searched.scouted = trial.scouted
        for slo_ms, bracket in trial.brackets.items():
            if bracket.last_pass is not None:
                searched.steps[slo_ms] = bracket.last_pass
            elif bracket.is_narrow:
                searched.never.add(slo_ms)
                searched.steps[slo_ms] = 0
        self._write(cell, searched)
        progress.end(searched.failure or _describe(trial))

    def _confirm(self, trial: TrialPlan, progress: RunProgress) -> None:
        searched = self._searched[trial.cell]
        progress.begin(f"{trial.cell}, block {trial.block + 1}")
        if searched.failure is not None or not searched.steps:
            progress.end(searched.failure or "nothing to confirm: the search found nothing")
            return
        plan = CapacityPlan(trial.cell, trial.block, trial.seed, self._order.longest_s, searched.steps)
        done = self._probe(plan, searched, progress)
        searched.brackets.append(done.brackets)
        self._write(trial.cell, searched)
        progress.end(searched.failure or _describe(done))

    def _probe(self, plan: CapacityPlan, searched: Searched, progress: RunProgress) -> CapacityTrial:
        started_s = time.monotonic()
        environment = environments.need(plan.cell.stack, plan.cell.python)
        conditions = Conditions(self._layout, self._pace, generators=self._order.generators)
        trial = CapacityTrial(plan, environment, conditions, progress.show)
        trial.run()
        searched.environment = searched.environment or trial.environment
        searched.failure = trial.failure
        searched.probes += trial.probes
        searched.duration_s += time.monotonic() - started_s
        return trial

    def _write(self, cell: Cell, searched: Searched) -> None:
        capacity = Capacity(
            run_id=self._id,
            started=searched.started,
            duration_s=searched.duration_s,
            seed=self._order.seed,
            git_commit=self._commit,
            python=searched.environment.python if searched.environment else None,
            lock_sha256=environments.need(cell.stack, cell.python).lock_sha256,
            scouted=tuple(searched.scouted),
            probes=tuple(searched.probes),
            sustained=tuple(
                sustain(slo_ms, [one.get(slo_ms) for one in searched.brackets], searched.probes)
                for slo_ms in objectives.SLOS_MS
            ),
            failure=searched.failure,
        )
        self.written[cell] = write_beside(
            self._order.folder, self.machine_name, self._machine, cell, searched.environment, capacity
        )


def sustain(slo_ms: float, brackets: Sequence[Bracket | None], probes: Sequence[Probe]) -> Sustained:
    """What the brackets of one SLO say together, block by block; one that stayed open does not count."""
    told = [one if one is not None and one.is_narrow else None for one in brackets]
    blocks = tuple(None if one is None else _passed(one) for one in told)
    passes = tuple(rate for rate in blocks if rate is not None)
    fails = [rate_at(one.first_fail) for one in told if one is not None and one.first_fail is not None]
    last_pass = median(passes) if passes else None
    interval = slo.bootstrap_median(passes)
    bounds = [probe.bound for probe in probes if _missed(probe, slo_ms) and probe.rate in fails]
    return Sustained(
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


def _describe(trial: CapacityTrial) -> str:
    """What a search or a block found, in a few words."""
    found = []
    for slo_ms in objectives.SLOS_MS:
        bracket = trial.brackets.get(slo_ms)
        if bracket is None or not bracket.is_narrow:
            words = "undecided"
        elif bracket.last_pass is None:
            words = f"not even {rate_at(0):.3g}/s"
        else:
            words = f"{rate_at(bracket.last_pass):.3g}/s"
        found.append(f"{slo_ms:g} ms: {words}")
    return f"p99 within {', '.join(found)} ({len(trial.probes)} probes)"
