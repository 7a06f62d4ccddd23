"""Which of many packages that differ costs: an order in which they can be moved, and a search by halves.

What a mixture of the two environments costs is asked of a function. Pure.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from stackmatrix.results.comparison import PackageChange

MATTERS = 0.01
"""Of the base's instructions: the smallest part of a difference that is looked into."""
PLAIN = 1.5
"""So many times more or less than what matters needs no repeat: another seed of hashes moves a count by 0.2 %."""
REPEATS = 3
"""Counts of a mixture where one does not decide."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A package of an environment: its version, and what it requires on its Python, with whichever of its extras."""

    version: str
    requires: tuple[Requirement, ...] = ()


type Packages = Mapping[str, Installed]
"""An environment: its packages by their normal names."""
type Step = tuple[PackageChange, ...]
"""Packages that can only be moved together, most of the time one."""
type Repeats = tuple[float, ...]
"""Instructions per request, one number for each seed of hashes, which are the same for all mixtures."""
type Ask = Callable[[int, int], Repeats | None]
"""What a request costs with the first of the steps moved, counted so many times; ``None`` where that does not work."""


def steps_of(base: Packages, head: Packages, movable: Collection[str]) -> tuple[Step, ...]:
    """The packages that differ, ordered so that moving any number of the first ones leaves no requirement broken.

    What both environments break themselves is left as it is. Of several possible orders it is the one that has what
    most packages depend upon first, then what is first by name. ``movable`` are those that can be moved at all.
    """
    changes = {
        name: PackageChange(name=name, base=_version(base, name), head=_version(head, name))
        for name in sorted({*base, *head} & {*movable})
        if _version(base, name) != _version(head, name)
    }
    needs = _needs(base, head, changes)
    dependents = _dependents(base, head)
    waiting = list(dict.fromkeys(_group(name, needs) for name in changes))
    steps: list[Step] = []
    moved: set[str] = set()
    while waiting:
        free = [group for group in waiting if all(needs[name] <= moved | group for name in group)]
        chosen = min(free, key=lambda group: (-max(dependents[name] for name in group), min(group)))
        waiting.remove(chosen)
        moved |= chosen
        steps.append(tuple(changes[name] for name in sorted(chosen)))
    return tuple(steps)


def _version(packages: Packages, name: str) -> str | None:
    return packages[name].version if name in packages else None


def _needs(base: Packages, head: Packages, changed: Collection[str]) -> dict[str, set[str]]:
    """Of each package those that have to be moved before it, or with it."""
    needs: dict[str, set[str]] = {name: set() for name in changed}
    for name in changed:
        for each in _requires(head, name):
            other = canonicalize_name(each.name)
            if other in needs and has(head, each) and not has(base, each):
                needs[name].add(other)
        for each in _requires(base, name):
            other = canonicalize_name(each.name)
            if other in needs and has(base, each) and not has(head, each):
                needs[other].add(name)
    return needs


def _requires(packages: Packages, name: str) -> tuple[Requirement, ...]:
    return packages[name].requires if name in packages else ()


def has(packages: Packages, requirement: Requirement) -> bool:
    """Whether an environment has what is required; a version that is none by the standard fits everything."""
    version = _version(packages, canonicalize_name(requirement.name))
    if version is None:
        return False
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return True


def _dependents(base: Packages, head: Packages) -> Counter[str]:
    """How many packages of both environments require each."""
    pairs = {
        (str(canonicalize_name(each.name)), name)
        for packages in (base, head)
        for name in packages
        for each in _requires(packages, name)
    }
    return Counter(required for required, _ in pairs)


def _group(name: str, needs: Mapping[str, set[str]]) -> frozenset[str]:
    """The packages that need this one, through others or not, and are needed by it: itself among them."""
    reached = _reached(name, needs)
    return frozenset({name, *(other for other in reached if name in _reached(other, needs))})


def _reached(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        further = needs[left.pop()] - found
        found |= further
        left += further
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """Steps that make a part of the difference that matters: those after the first ``low``, up to ``high`` of all.

    It is one ``step``, or several of which no mixture in between works (``unworkable``), or that matter together and
    none of whose halves does (``spread``).
    """

    low: int
    high: int
    before: Repeats
    after: Repeats
    kind: Literal["step", "unworkable", "spread"]

    @property
    def change(self) -> float:
        """How many more instructions a request takes after it."""
        return change(self.before, self.after)


def change(before: Repeats, after: Repeats) -> float:
    """How many more there are after than before: the mean over the seeds that both were counted with."""
    return fmean(_changes(before, after))


def _changes(before: Repeats, after: Repeats) -> list[float]:
    return [one - other for one, other in zip(after, before, strict=False)]


def find(steps: int, ask: Ask) -> tuple[Part, ...]:
    """The steps that cost or gain, by halves.

    Both halves of all steps are looked at whatever they make together, since a gain may hide a cost, and after that
    the halves of what matters. Where the middle does not work the nearest one that does takes its place. The function
    must give numbers for no step and for all steps.
    """
    base = _told(ask(0, 1))
    search = _Search(ask, MATTERS * base[0])
    return tuple(search.look(0, steps, matters=search.matters(0, steps)))


@dataclass(frozen=True, slots=True)
class _Search:
    """``limit`` is the smallest difference that matters, in instructions per request."""

    ask: Ask
    limit: float

    def look(self, low: int, high: int, *, matters: bool) -> Iterator[Part]:
        """What matters between two mixtures that both work."""
        middle = next((one for one in _from_the_middle(low, high) if self.ask(one, 1) is not None), None)
        if middle is not None:
            halves = [ends for ends in ((low, middle), (middle, high)) if self.matters(*ends)]
            for ends in halves:
                yield from self.look(*ends, matters=True)
            if halves:
                return
        if matters:
            kind: Literal["step", "unworkable", "spread"] = "spread" if middle is not None else "unworkable"
            before, after = (_told(self.ask(one, 1)) for one in (low, high))
            yield Part(low, high, before, after, "step" if high - low == 1 else kind)

    def matters(self, low: int, high: int) -> bool:
        """Whether the difference between two mixtures is more than what matters, and than its own spread."""
        first = abs(change(_told(self.ask(low, 1))[:1], _told(self.ask(high, 1))))
        if not self.limit / PLAIN < first < self.limit * PLAIN:
            return first > self.limit
        changes = _changes(_told(self.ask(low, REPEATS)), _told(self.ask(high, REPEATS)))
        return abs(fmean(changes)) > max(self.limit, max(changes) - min(changes))


def _told(counted: Repeats | None) -> Repeats:
    assert counted is not None, "the mixture works"
    return counted


def _from_the_middle(low: int, high: int) -> Iterator[int]:
    """All between, the nearest to the middle first."""
    middle = (low + high) / 2
    yield from sorted(range(low + 1, high), key=lambda one: (abs(one - middle), one))
