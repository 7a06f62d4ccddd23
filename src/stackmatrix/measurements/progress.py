"""Shows long work: which trial of how many, which level, and about how long it will still take."""

import time
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

REFRESHES_PER_S = 2
"""Drawing costs CPU on the generator's core, so it is done seldom."""


@dataclass
class RunProgress:
    """A bar on a terminal, or a line per trial where output is not one."""

    console: Console
    trials: int
    estimate_s: float
    """For one trial, until one was timed."""
    _bar: Progress | None = None
    _trial_started_s: float | None = None
    _done: int = 0
    _label: str = ""
    _durations: list[float] = field(default_factory=list)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            columns = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=self.console, transient=True, refresh_per_second=REFRESHES_PER_S)
            self._bar.start()
            self._bar.add_task("", total=self.trials)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, label: str) -> None:
        self._label = label
        self._trial_started_s = time.monotonic()
        self.show("starting")

    def show(self, step: str) -> None:
        if self._bar is not None:
            text = f"{self._label}: {step}, about {duration(self.left_s())} left"
            self._bar.update(self._bar.task_ids[0], description=text, completed=self._done)

    def end(self, outcome: str) -> None:
        self._done += 1
        if self._trial_started_s is not None:
            self._durations.append(time.monotonic() - self._trial_started_s)
            self._trial_started_s = None
        left = f", about {duration(self.left_s())} left" if self._done < self.trials else ""
        self.console.print(
            f"[{self._done}/{self.trials}] {self._label}: {outcome}{left}", markup=False, highlight=False
        )

    def left_s(self) -> float:
        """An estimate of the time left, from the trials that were timed."""
        each_s = sum(self._durations) / len(self._durations) if self._durations else self.estimate_s
        in_trial_s = 0.0 if self._trial_started_s is None else time.monotonic() - self._trial_started_s
        return max(0.0, each_s * (self.trials - self._done) - min(in_trial_s, each_s))


def duration(seconds: float) -> str:
    """A time such as ``45 s`` or ``12 min``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
