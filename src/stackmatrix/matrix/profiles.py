"""The profiles: how much evidence a run gathers, and how long each part of it takes."""

from dataclasses import dataclass, replace

from stackmatrix.matrix.ladder import LoadLevel, rates, users


@dataclass(frozen=True, slots=True)
class Profile:
    """How much evidence. Times are in seconds; every one is the same for all cells of a run.

    After so many blocks as ``looks`` has, a run ends if its intervals are narrow enough, whatever they say. After its
    trials, one that has ``costs`` measures all cells side by side.
    """

    name: str
    summary: str
    ladder: tuple[LoadLevel, ...]
    blocks: int
    warmup_s: float
    settle_s: float
    window_s: float
    baseline_s: float
    compares: bool = True
    looks: tuple[int, ...] = ()
    costs: bool = False

    def climbed(self, floor_ms: float) -> tuple[LoadLevel, ...]:
        """The ladder from the lightest load to the heaviest, both models together.

        Overload can leave a target slow for long after it has ended, so nothing lighter is measured after it.
        """
        return tuple(sorted(self.ladder, key=lambda level: level.offered_rps(floor_ms)))


FULL_LADDER = (*users(1, 5, 10, 25, 50, 100), *rates(5, 20, 40))
COMPARED_LADDER = (*users(10, 25, 50), *rates(10, 20))
"""What the compared figures need, so that time goes into blocks: a cost below saturation, levels around a plateau."""

LOOKS = (6, 8, 10, 12, 15)
"""Fixed before the run: stopping at whichever block looks good finds differences that are not there."""

# Windows of `quick` and above hold twenty response cycles of 600 ms and more, so that where a window's ends fall
# between responses moves its count by a few per cent at most, even for one user.
PROFILES = {
    profile.name: profile
    for profile in (
        Profile("smoke", "proves the wiring, compares nothing", users(1, 5), 1, 1, 1, 3, 0, compares=False),
        Profile("quick", "one trial of each cell", FULL_LADDER, 1, 3, 2, 12, 0),
        Profile(
            "standard", "enough blocks for verdicts, and one to spare", COMPARED_LADDER, 7, 5, 2, 15, 3, costs=True
        ),
        Profile(
            *("rigorous", "up to 15 blocks, until the intervals are narrow", COMPARED_LADDER, 15, 5, 2, 30, 3),
            looks=LOOKS,
            costs=True,
        ),
    )
}
COST_BLOCKS, COST_REQUESTS = 7, 200
"""Blocks side by side, one more than a verdict needs; and requests of each cell in one, unless a window is given: one
more or less at an end of the window is half a per cent."""
CAPACITY_BLOCKS, LONGEST_PROBE_S = 6, 60.0
"""Blocks that confirm what a search for the capacity has found, and the time after which a probe ends undecided."""
COUNT_REPEATS = 3
"""Fresh starts of each cell whose instructions are counted."""


def adjust(
    profile: Profile,
    *,
    ladder: tuple[LoadLevel, ...] | None,
    window_s: float | None,
    warmup_s: float | None,
    blocks: int | None,
) -> Profile:
    """The profile with the choices that were given on the command line put in its place."""
    return replace(
        profile,
        ladder=ladder or profile.ladder,
        window_s=profile.window_s if window_s is None else window_s,
        warmup_s=profile.warmup_s if warmup_s is None else warmup_s,
        blocks=blocks or profile.blocks,
        # Who asks for a number of blocks gets them.
        looks=() if blocks else profile.looks,
    )


def level_seconds(profile: Profile, floor_s: float) -> float:
    """How long one level takes below saturation; an estimate for showing what is left."""
    return profile.settle_s + profile.window_s + 2 * floor_s
