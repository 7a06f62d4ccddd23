"""Ladders: every chosen cell at stepped loads, one at a time, each with a fresh external API and target."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stackmatrix.analysis import exceptions
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.ladder import requests_at_once
from stackmatrix.matrix.profiles import level_seconds
from stackmatrix.measurements.ladder.run import LadderRun, LadderSetting
from stackmatrix.measurements.request import Kind, Outcome, Setup, Show, Standing, Step, now
from stackmatrix.results.ladders import Ladder
from stackmatrix.results.types import Validity
from stackmatrix.system import host
from stackmatrix.system.core_speed import PaceBook

LADDER_OVERHEAD_S = 5.0
"""What a ladder takes beside its load, for the estimate."""
MOST_FAILURES = 2
"""After so many in one run, nothing of a cell is tried again."""


@dataclass
class Ladders(Kind):
    """Drives one cell a step up the profile's ladder, and each once a turn."""

    all_levels: bool = False
    rows_folder: Path | None = None
    name: ClassVar[str] = "ladder"

    def begin(self, setup: Setup) -> None:
        host.need_open_files(max(map(requests_at_once, setup.profile.ladder)))
        self._setup, self._turn = setup, 0
        self._setting: LadderSetting | None = None
        self._order: dict[Cell, int] = {}

    def steps(self, turn: int, standing: Standing) -> Sequence[Step]:
        self._turn = turn
        if not 1 <= turn <= self._setup.profile.ladders:
            return ()
        cells = self._cells(standing)
        random.Random(f"{self._setup.request.seed}:ladders:{turn}").shuffle(cells)
        self._order = {cell: place for place, cell in enumerate(cells)}
        return [Step(f"{cell}, ladder {turn}", (cell,), turn - 1, self._estimate_s(cell)) for cell in cells]

    def later_s(self, standing: Standing) -> float:
        left = max(0, self._setup.profile.ladders - self._turn)
        return left * sum(map(self._estimate_s, self._cells(standing)))

    def _cells(self, standing: Standing) -> list[Cell]:
        cells = [cell for cell in self._setup.cells if cell.control is None]
        return [cell for cell in cells if standing.failed.get(cell, 0) < MOST_FAILURES]

    def _estimate_s(self, cell: Cell) -> float:
        profile, unloaded_s = self._setup.profile, self._setup.subjects[cell].workload.unloaded_ms / 1000
        levels_s = len(profile.ladder) * level_seconds(profile.levels, unloaded_s)
        return LADDER_OVERHEAD_S + profile.levels.baseline_s + profile.levels.warmup_s + levels_s

    def perform(self, step: Step, show: Show) -> Outcome:
        (cell,) = step.cells
        setting, lengths = self._begun(show), self._setup.profile.levels
        # The same plan of arrivals for all cells of a workload in a round.
        seed = random.Random(f"{self._setup.request.seed}:{cell.workload}:ladder:{step.number}").getrandbits(32)
        run = LadderRun(self._setup.subjects[cell], setting, seed, show, self._rows_path(cell, step.number))
        started, began_s = now(), time.monotonic()
        failure = run.run()
        ladder = Ladder(
            **self._setup.stamp(step.number, started, time.monotonic() - began_s),
            validity=_validity(run),
            findings=setting.findings(),
            failure=failure,
            order=self._order.get(cell, 0),
            seed=seed,
            warmup_s=lengths.warmup_s,
            settle_s=lengths.settle_s,
            window_s=lengths.window_s,
            load_s=run.load_s,
            levels=tuple(run.levels),
        )
        failures = {} if failure is None else {cell: failure}
        if run.environment is None:  # it never answered, so nothing was measured of it
            return Outcome(describe(ladder), failures=failures)
        return Outcome(describe(ladder), {cell: ladder}, {cell: run.environment}, failures)

    def _begun(self, show: Show) -> LadderSetting:
        """What all ladders of the run share; the core's speed is first read at rest, just before the first of them."""
        if self._setting is None:
            setup = self._setup
            # Where nothing is compared, it does not matter how fast the core is from one level to the next.
            speed = PaceBook(setup.layout.target) if setup.profile.compares else None
            if speed is not None:
                show("reading the core's speed at rest")
                speed.begin()
            self._setting = LadderSetting(setup.profile, setup.layout, speed, setup.request.generators, self.all_levels)
        return self._setting

    def _rows_path(self, cell: Cell, number: int) -> Path | None:
        if self.rows_folder is None:
            return None
        return self.rows_folder / cell.workload / cell.stack / f"{cell.python}-ladder-{number}.rows"


def _validity(run: LadderRun) -> Validity:
    """A ladder counts where one of its levels does."""
    return "valid" if any(level.is_valid for level in run.levels) else "invalid"


def describe(ladder: Ladder) -> str:
    """A ladder in a line."""
    raised = exceptions.said(one for level in ladder.levels for one in level.findings)
    if ladder.failure is not None:
        return f"failed: {ladder.failure} {raised}".rstrip()
    invalid = sum(level.validity == "invalid" for level in ladder.levels)
    best = max((level.throughput_rps or 0.0 for level in ladder.levels), default=0.0)
    words = f"up to {best:.1f} requests/s in {ladder.duration_s:.0f} s ({ladder.load_s:.0f} s of it load)"
    return words + (f", {invalid} levels invalid" if invalid else "") + (raised and f". {raised}")
