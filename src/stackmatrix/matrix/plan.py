"""What a run will do, decided before anything starts: profiles, ladders, cells, blocks and their order. Pure."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from stackmatrix.errors import UsageError
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.results.model import Cell
from stackmatrix.results.types import LoadModel

MOST_USERS = 10_000
MOST_RATE = 100_000.0


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """One step of the ladder: ``value`` users in a closed loop, or ``value`` arrivals per second in an open one."""

    model: LoadModel
    value: float

    def __str__(self) -> str:
        return f"{'users' if self.model == 'closed' else 'rate'}={self.value:g}"

    def offered_rps(self, floor_ms: float) -> float:
        """Requests per second that it asks for: its arrivals, or what users get who wait for the floor only."""
        return self.value if self.model == "open" else self.value / (floor_ms / 1000)


OPEN_SLOTS_S = 10.0
"""An open level has visitors for so many seconds of arrivals at once."""
MOST_OPEN_SLOTS = 4_000


def requests_at_once(plan: LevelPlan) -> int:
    """How many requests a level may have under way: its users, or the visitors that an open level has."""
    if plan.model == "closed":
        return int(plan.value)
    return min(MOST_OPEN_SLOTS, math.ceil(plan.value * OPEN_SLOTS_S))


def rates(*per_second: float) -> tuple[LevelPlan, ...]:
    """Open-loop levels."""
    return tuple(LevelPlan("open", rate) for rate in per_second)


def users(*counts: int) -> tuple[LevelPlan, ...]:
    """Closed-loop levels."""
    return tuple(LevelPlan("closed", count) for count in counts)


@dataclass(frozen=True, slots=True)
class Profile:
    """How much evidence. Times are in seconds; every one is the same for all cells of a run.

    After so many blocks as ``looks`` has, a run ends if its intervals are narrow enough, whatever they say. After its
    trials, one that has ``costs`` measures all cells side by side.
    """

    name: str
    summary: str
    ladder: tuple[LevelPlan, ...]
    blocks: int
    warmup_s: float
    settle_s: float
    window_s: float
    baseline_s: float
    compares: bool = True
    looks: tuple[int, ...] = ()
    costs: bool = False

    def climbed(self, floor_ms: float) -> tuple[LevelPlan, ...]:
        """The ladder from the lightest load to the heaviest, both models together.

        Overload can leave a target slow for long after it has ended, so nothing lighter is measured after it.
        """
        return tuple(sorted(self.ladder, key=lambda level: level.offered_rps(floor_ms)))


FULL_LADDER = (*users(1, 5, 10, 25, 50, 100), *rates(5, 20, 40))
COMPARED_LADDER = (*users(10, 25, 50), *rates(10, 20))
"""What the compared figures need, so that time goes into blocks: a cost below saturation, levels around a plateau."""

LOOKS = (6, 8, 10, 12, 15)
"""Fixed before the run: who looks after every block, and stops when he likes what he sees, finds what is not there."""

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


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """One trial to be run: its place in the run, and the seed for everything random in it."""

    cell: Cell
    block: int
    order: int
    seed: int


def choose(kind: str, wanted: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """The names in a comma-separated choice, in the order of ``known``; all of them when there is no choice.

    Raises:
        UsageError: for a name that is not known, with the nearest that is.

    """
    if wanted is None:
        return tuple(known)
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    for name in sorted(names):
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "choose from: " + ", ".join(known) + "."
            raise UsageError(f"Unknown {kind} {name!r}: {hint}")
    if not names:
        raise UsageError(f"No {kind} was named: choose from: {', '.join(known)}.")
    return tuple(name for name in known if name in names)


def choose_one(kind: str, wanted: str, known: Sequence[str]) -> str:
    """The one name that is wanted.

    Raises:
        UsageError: for a name that is not known, or more than one.

    """
    names = choose(kind, wanted, known)
    if len(names) > 1:
        raise UsageError(f"Only one {kind} can be chosen, not {wanted!r}: choose from {', '.join(names)}.")
    return names[0]


def parse_ladder(model: LoadModel, text: str) -> tuple[LevelPlan, ...]:
    """A ladder from comma-separated numbers such as ``1,10,50``.

    Raises:
        UsageError: for what is not a positive number within bounds, or not a whole number of users.

    """
    levels = []
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        most = MOST_USERS if model == "closed" else MOST_RATE
        if not 0 < value <= most or (model == "closed" and value != int(value)):
            what = f"whole numbers from 1 to {most:g}" if model == "closed" else f"numbers above 0, up to {most:g}"
            raise UsageError(f"The ladder {text!r} is not a list of {what}, such as 1,10,50.")
        levels.append(LevelPlan(model, value))
    return tuple(levels)


def adjust(
    profile: Profile,
    *,
    ladder: tuple[LevelPlan, ...] | None,
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


def make_cells(stacks: Sequence[str], pythons: Sequence[str], workloads: Sequence[str]) -> tuple[Cell, ...]:
    """Every chosen cell, workload by workload, in the order of the tables."""
    return tuple(
        Cell(stack=stack, python=python, workload=workload)
        for workload in workloads
        for stack in stacks
        for python in pythons
    )


def references(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cell of each workload with which the run's noise is measured: the reference stack's, on the newest Python."""
    chosen: dict[str, Cell] = {}
    for cell in cells:
        before = chosen.get(cell.workload)
        if before is None or _reference_order(cell) > _reference_order(before):
            chosen[cell.workload] = cell
    return tuple(chosen.values())


def _reference_order(cell: Cell) -> tuple[bool, tuple[int, ...]]:
    return cell.stack == REFERENCE_STACK, python_key(cell.python)


def python_key(python: str) -> tuple[int, ...]:
    """Orders Pythons by age, free-threaded builds after their plain ones."""
    number = python.removesuffix("t")
    return (*(int(part) for part in number.split(".")), int(python.endswith("t")))


def with_twins(cells: Sequence[Cell], blocks: int) -> tuple[Cell, ...]:
    """The cells, and where there are several blocks the twin of each reference cell."""
    twins = [Cell(stack=one.stack, python=one.python, workload=one.workload, twin=True) for one in references(cells)]
    return (*cells, *(twins if blocks > 1 else ()))


def schedule(cells: Sequence[Cell], blocks: int, seed: int) -> Iterator[TrialPlan]:
    """Every cell once per block, each block in its own random order; all cells of a block share its seed.

    The seed is shared so that open-loop arrivals are the same plan for every cell of a block.
    """
    generator = random.Random(seed)
    for block in range(blocks):
        order = list(cells)
        generator.shuffle(order)
        block_seed = generator.getrandbits(32)
        for position, cell in enumerate(order):
            yield TrialPlan(cell, block, position, block_seed)


def level_seconds(profile: Profile, floor_s: float) -> float:
    """How long one level takes below saturation; an estimate for showing what is left."""
    return profile.settle_s + profile.window_s + 2 * floor_s


def known_stacks() -> tuple[str, ...]:
    """All stacks, in the order of the tables."""
    return tuple(STACKS)


def known_workloads() -> tuple[str, ...]:
    """All workloads, in the order of the tables."""
    return tuple(WORKLOADS)
