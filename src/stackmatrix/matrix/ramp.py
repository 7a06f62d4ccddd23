"""The rates of a ramp: from below the workload's reference rate upwards, in steps of a tenth, in one process.

A server whose clients pool connections can stay down after an overload at rates that it held before, so rates only ever
climb. The reference rate is one of them, and is driven for longer: what a visitor feels is measured there.
"""

import math
from dataclasses import dataclass, replace
from itertools import accumulate

from stackmatrix.matrix.profiles import RampLengths

GROWTH = 1.1
"""From one rate to the next. Differences of 10 % in what is held matter, so that coarser steps could not tell them."""
COARSE_GROWTH = 1.2
"""The same of a cell whose few slots serve few visitors: so few come in a step that finer ones would say no more."""
STEPS_BELOW = 2
"""Below the reference rate: a target that was only just warmed up shows first what it does with little."""
VISITORS = 1_500
"""More than an overload leaves under way, and fewer than the listen queue of a target holds."""
HIGHEST_RATE = 400.0
"""Arrivals per second: the generator is punctual up to 500."""
STEP_REQUESTS = 20
"""Arrivals that a step has at least, on average, where that does not take too long: a p95 needs as many."""
LONGEST_STEP_S = 6.0
MOST_OF_SLOTS = 0.8
"""A cell holds its reference rate only where that takes no more than this share of its slots."""


@dataclass(frozen=True, slots=True)
class RampPlan:
    """``rates`` in arrivals per second, each for its ``seconds``; ``reference`` is the place of the longer one.

    ``drop_rate`` is the rate to which the load drops after an overload. It was driven on the way up, at ``before``.
    """

    rates: tuple[float, ...]
    seconds: tuple[float, ...]
    reference: int | None
    before: int

    @property
    def drop_rate(self) -> float:
        return self.rates[self.before]

    @property
    def starts_s(self) -> tuple[float, ...]:
        """When each rate begins, from the ramp's start on; the last one is when it ends."""
        return tuple(accumulate(self.seconds, initial=0.0))

    def span_s(self, place: int) -> tuple[float, float]:
        """From when until when a rate is driven, from the ramp's start on."""
        return self.starts_s[place], self.starts_s[place + 1]

    def rate_at(self, offset_s: float) -> float:
        """The rate at a moment from the ramp's start on; after its end the last one."""
        place = sum(start_s <= offset_s for start_s in self.starts_s[1:-1])
        return self.rates[place]


def has_slots_for(rate: float, unloaded_s: float, slots: int | None) -> bool:
    """Whether so many arrivals a second leave some of the slots free, where a request takes ``unloaded_s``."""
    return slots is None or rate <= MOST_OF_SLOTS * (slots / unloaded_s)


def plan_ramp(compare_rate: float, unloaded_s: float, slots: int | None, lengths: RampLengths) -> RampPlan:
    """The ramp of a cell whose requests take about ``unloaded_s`` without load.

    One whose slots cannot hold the reference rate begins at half of what they let through, and has no reference: its
    first step is the longer one then, as few arrive, and what it has to come back to is measured there.
    """
    has_reference = has_slots_for(compare_rate, unloaded_s, slots)
    reference, growth = (STEPS_BELOW, GROWTH) if has_reference else (None, COARSE_GROWTH)
    most = math.inf if slots is None else slots / unloaded_s
    first = compare_rate / GROWTH**STEPS_BELOW if has_reference else most / 2
    longer = reference or 0
    # A reference rate near the highest is still reached, and a cell of very many slots has a step.
    count = max(longer + 1, 1 + math.floor(math.log(HIGHEST_RATE / first, growth)))
    # The reference rate itself, and not what comes of dividing and multiplying it again.
    rates = tuple(compare_rate if place == reference else first * growth**place for place in range(count))
    seconds = tuple(
        lengths.reference_s if place == longer else min(LONGEST_STEP_S, max(lengths.step_s, STEP_REQUESTS / rate))
        for place, rate in enumerate(rates)
    )
    return RampPlan(rates, seconds, reference, before=longer)


def until_reference(plan: RampPlan) -> RampPlan:
    """The beginning of a ramp, with the same arrivals: until its reference rate is over, which it must have."""
    assert plan.reference is not None
    count = plan.reference + 1
    return replace(plan, rates=plan.rates[:count], seconds=plan.seconds[:count])


def plan_hold(rate: float, seconds: float) -> RampPlan:
    """One rate for so long."""
    return RampPlan((rate,), (seconds,), None, before=0)
