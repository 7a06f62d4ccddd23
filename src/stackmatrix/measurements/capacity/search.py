"""Finds the highest rate that passes, for several SLOs at once: each probe shows something of all of them. Pure.

Rates are the steps of a geometric grid, 5 % apart, so that bisecting steps bisects ratios. From where it starts, a
search goes up or down by ever longer strides until one rate passes and one fails, and then halves between.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_UNDECIDED = 3
"""After so many undecided probes the fault is not theirs."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """The last step that passed and the first that failed; ``None`` where there is none."""

    last_pass: int | None
    first_fail: int | None

    @property
    def is_narrow(self) -> bool:
        """Nothing is left to try: the two are neighbours, or not even the lowest rate passes."""
        return self.first_fail is not None and self.first_fail - (-1 if self.last_pass is None else self.last_pass) <= 1


@dataclass
class Search:
    """``starts`` has the step at which each SLO's search begins; ``stride`` the length of its first stride."""

    starts: Mapping[float, int]
    stride: int = 1
    _known: dict[int, Mapping[float, bool | None]] = field(default_factory=dict)

    def note(self, step: int, met: Mapping[float, bool | None]) -> None:
        """Take in whether a probe met each SLO; ``None`` where it was undecided."""
        earlier = self._known.get(step, {})
        self._known[step] = {slo: earlier.get(slo) if is_met is None else is_met for slo, is_met in met.items()}

    def bracket(self, slo: float) -> Bracket:
        """What is known of one SLO; what passed above a rate that failed does not count."""
        failed = [step for step, met in self._known.items() if met.get(slo) is False]
        first_fail = min(failed, default=None)
        passed = [
            step
            for step, met in self._known.items()
            if met.get(slo) is True and (first_fail is None or step < first_fail)
        ]
        return Bracket(max(passed, default=None), first_fail)

    def next(self, slo: float) -> int | None:
        """The step to probe next; ``None`` when there is none, or too many probes were undecided."""
        one = self.bracket(slo)
        undecided = sum(slo in known and known[slo] is None for known in self._known.values())
        if one.is_narrow or undecided >= MOST_UNDECIDED:
            return None
        if one.last_pass is None and one.first_fail is None:
            step = self.starts[slo]
        elif one.first_fail is None:
            step = (one.last_pass or 0) + self._stride(slo, met=True)
        elif one.last_pass is None:
            step = max(0, one.first_fail - self._stride(slo, met=False))
        else:
            step = (one.last_pass + one.first_fail) // 2
        return self._near(slo, step, one)

    def _near(self, slo: float, step: int, within: Bracket) -> int | None:
        """The step itself, or the nearest below it, then above it, if a probe there was undecided; else ``None``."""
        least = 0 if within.last_pass is None else within.last_pass + 1
        most = step if within.first_fail is None else within.first_fail - 1
        candidates = (*range(step, least - 1, -1), *range(step + 1, most + 1))
        return next((one for one in candidates if not self._was_undecided(slo, one)), None)

    def _was_undecided(self, slo: float, step: int) -> bool:
        return slo in self._known.get(step, {}) and self._known[step][slo] is None

    def wanted(self, step: int) -> tuple[float, ...]:
        """The SLOs that a probe there would say something new about."""
        return tuple(slo for slo in self.starts if self._is_open(slo, step))

    def _is_open(self, slo: float, step: int) -> bool:
        one = self.bracket(slo)
        above = one.last_pass is None or step > one.last_pass
        return above and (one.first_fail is None or step < one.first_fail)

    def _stride(self, slo: float, *, met: bool) -> int:
        """Twice as long with each probe that came out the same."""
        same = sum(known.get(slo) is met for known in self._known.values())
        return int(self.stride * 2 ** (same - 1))
