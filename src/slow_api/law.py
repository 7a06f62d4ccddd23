"""How long a call takes and how it ends, where that is drawn: a pure function of a seed, its request and its delay.

So every cell meets the same law, and whoever knows a request's id knows beforehand what its calls will meet: that is
how the harness verifies a page whose calls fail now and then. Standard library only.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist
from typing import Literal

SEED = 1
"""Of every draw, unless another one is given."""

Kind = Literal["steady", "tail", "flaky"]
"""``steady`` calls take the time that is asked for; those of ``tail`` and ``flaky`` are drawn by the laws below."""
Fate = Literal["answers", "fails", "hangs"]

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Tail:
    """Times with a long tail: never below ``shortest``, log-normal above it, cut off at ``longest``; in any one unit.

    Half of them are below ``median``, and 99 of 100 below ``p99``.
    """

    shortest: float
    median: float
    p99: float
    longest: float

    def at(self, share: float) -> float:
        """The time below which this share of all lies."""
        spread = math.log((self.p99 - self.shortest) / (self.median - self.shortest)) / _NORMAL.inv_cdf(0.99)
        above = (self.median - self.shortest) * math.exp(spread * _NORMAL.inv_cdf(share))
        return min(self.longest, self.shortest + above)


@dataclass(frozen=True, slots=True)
class Faults:
    """The shares of calls that are answered with an error, and that are not answered at all."""

    fail_share: float
    hang_share: float

    def at(self, share: float) -> Fate:
        """The fate at this place between 0 and 1."""
        if share < self.hang_share:
            return "hangs"
        return "fails" if share < self.hang_share + self.fail_share else "answers"


TAIL = Tail(shortest=1.0, median=1.5, p99=4.0, longest=8.0)
"""In times of the delay that is asked for. The longest of 600 ms is still answered within a client's usual 5 s."""
FAULTS = Faults(fail_share=0.045, hang_share=0.005)
"""One call in twenty. So few hang that fewer than one page of three calls in twenty waits for a time-out."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What is meant to become of a call: its time in ms, which one that hangs has not, and how it ends."""

    asked_ms: int
    takes_ms: float
    fate: Fate = "answers"

    @property
    def beyond_ms(self) -> float:
        """How much longer it takes than was asked for."""
        return self.takes_ms - self.asked_ms


def meant(kind: Kind, request_id: str, asked_ms: int, seed: int = SEED) -> Meant:
    """What becomes of the call of a request that asks for this delay."""
    if kind == "tail":
        return Meant(asked_ms, asked_ms * TAIL.at(draw(seed, kind, request_id, asked_ms)))
    if kind == "flaky":
        return Meant(asked_ms, asked_ms, FAULTS.at(draw(seed, kind, request_id, asked_ms)))
    return Meant(asked_ms, asked_ms)


def draw(*key: object) -> float:
    """A number between 0 and 1, neither of them included, that is evenly drawn from a key."""
    digest = blake2b("\n".join(map(str, key)).encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 0.5) / 2.0**48
