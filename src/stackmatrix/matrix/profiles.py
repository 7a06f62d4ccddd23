"""The profiles: how much evidence a run gathers, and how long each part of it takes."""

from dataclasses import dataclass

from stackmatrix.matrix.ladder import LoadLevel, rates, users

LOOKS = (3, 4, 5, 6, 8, 12, 16)
"""Blocks after which evidence is judged, fixed beforehand: to stop where it looks good is to find what is not there."""
MOST_BLOCKS = LOOKS[-1]
TURNS_A_RAMP = 2
"""Turns of a run from one ramp of a cell to its next: a ramp of every stack takes as long as some cost blocks."""


@dataclass(frozen=True, slots=True)
class CostLengths:
    """The parts of a cost block. ``requests`` are of each cell in its window, ``warm`` before it.

    While no cell has a request for ``idle_s``, what each uses then is found. ``longest_s`` ends a window of a workload
    that costs so much that its requests would take longer.
    """

    requests: int = 200
    warm: int = 20
    idle_s: float = 5.0
    settle_s: float = 2.0
    longest_s: float = 75.0


@dataclass(frozen=True, slots=True)
class RampLengths:
    """The parts of a ramp, in seconds: a step, the longer one at the reference rate, and the watch for recovery."""

    step_s: float = 2.0
    reference_s: float = 10.0
    recovery_s: float = 15.0


@dataclass(frozen=True, slots=True)
class LadderLengths:
    """The parts of a ladder, in seconds."""

    warmup_s: float = 5.0
    settle_s: float = 2.0
    window_s: float = 15.0
    baseline_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Profile:
    """How much evidence. Every length is the same for all cells of a run.

    ``kinds`` are measured, for ``minutes`` at most where there is a limit, of one stack alone for ``minutes_alone``,
    and ``blocks`` of cost at most. In ``ramps`` turns every stack is ramped on the newest Python, or where it
    ``ramps_all`` on each. Every stack is stopped ``stop_trials`` times with the first workload that keeps a request
    waiting, on the newest Python, or where it ``stops_all`` every cell. One that does not ``compare`` proves the
    wiring, and is no evidence.
    """

    name: str
    summary: str
    kinds: tuple[str, ...]
    minutes: float | None
    blocks: int
    ramps: int
    ramps_all: bool = False
    minutes_alone: float | None = None
    compares: bool = True
    cost: CostLengths = CostLengths()
    ramp: RampLengths = RampLengths()
    ladder: tuple[LoadLevel, ...] = (*users(1, 10, 25, 50, 100), *rates(5, 10, 20))
    levels: LadderLengths = LadderLengths()
    hold_s: float = 180.0
    ladders: int = 1
    holds: int = 1
    counts: int = 3
    stop_trials: int = 3
    stops_all: bool = False

    def climbed(self, unloaded_ms: float) -> tuple[LoadLevel, ...]:
        """The ladder from the lightest load to the heaviest, both models together.

        Overload can leave a target slow for long after it has ended, so nothing lighter is measured after it.
        """
        return tuple(sorted(self.ladder, key=lambda level: level.offered_rps(unloaded_ms)))


KINDS = ("cost", "ramp", "stop", "ladder", "hold", "counts")
"""Every kind of measurement of cells, in the order in which a turn has them."""

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "proves the wiring, and is no evidence",
            ("cost", "ramp", "stop"),
            minutes=None,
            blocks=1,
            ramps=1,
            compares=False,
            cost=CostLengths(requests=10, warm=5, idle_s=1.0, settle_s=0.5, longest_s=10.0),
            ramp=RampLengths(step_s=1.0, reference_s=2.0, recovery_s=4.0),
            ladder=users(1, 5),
            levels=LadderLengths(warmup_s=1.0, settle_s=1.0, window_s=3.0, baseline_s=0.0),
            hold_s=10.0,
            counts=1,
            stop_trials=1,
        ),
        Profile(
            "answer",
            "cost, ramps and stops until all is decided, or half an hour is over (of one stack alone 8 minutes)",
            ("cost", "ramp", "stop"),
            minutes=30.0,
            minutes_alone=8.0,
            blocks=MOST_BLOCKS,
            ramps=2,
        ),
        Profile(
            "deep",
            f"ladders, holds and counts, too, until all is decided or {MOST_BLOCKS} blocks are done",
            KINDS,
            minutes=None,
            blocks=MOST_BLOCKS,
            ramps=3,
            ramps_all=True,
            stops_all=True,
        ),
    )
}
"""The rows by name."""

DEFAULT_PROFILE = "answer"


def level_seconds(lengths: LadderLengths, unloaded_s: float) -> float:
    """How long one level takes below saturation; an estimate for showing what is left."""
    return lengths.settle_s + lengths.window_s + 2 * unloaded_s
