"""How the cores of this machine are divided among what takes part in a measurement."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from stackmatrix.analysis.level.usage import Role
from stackmatrix.errors import MachineLimitError
from stackmatrix.system.core_kinds import kinds_of
from stackmatrix.system.linux import core_numbers, read

FURTHER = "further_targets"
"""The name that results have for the cores of a target's further processes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which cores each role may use; empty where nothing is pinned. ``shared`` is the one core of all of them.

    ``further`` are those that a target of several processes has beside the target's own, as far as they reach.
    ``slower`` are the roles that have cores of a slower kind than the machine's fastest.
    """

    target: tuple[int, ...] = ()
    further: tuple[int, ...] = ()
    generator: tuple[int, ...] = ()
    api: tuple[int, ...] = ()
    harness: tuple[int, ...] = ()
    shared: tuple[int, ...] = ()
    slower: tuple[Role, ...] = ()

    def roles(self) -> dict[str, tuple[int, ...]] | None:
        """The roles by name as the result file has them, or ``None`` where nothing is pinned."""
        if not self.target:
            return None
        roles = (self.target, self.api, self.generator, self.harness)
        further = {FURTHER: self.further} if self.further else {}
        return {**dict(zip(map(str, Role), roles, strict=True)), **further}

    @property
    def used(self) -> tuple[int, ...]:
        """Every core that a measurement needs."""
        return tuple(sorted({*self.target, *self.further, *self.generator, *self.api, *self.shared}))

    def of_target(self, workers: int) -> tuple[int, ...]:
        """The cores of a target of so many processes: one for each, as far as they reach."""
        return (*self.target, *self.further[: workers - 1])


def divide_cores(generators: int = 1) -> Layout:
    """Which cores each role gets here, for so many locust processes; nothing is pinned where the system cannot."""
    if not can_pin():
        return Layout()
    cores = sorted(os.sched_getaffinity(0))
    return layout_for({core: _siblings(core) for core in cores}, generators, kinds_of(cores))


def can_pin() -> bool:
    """Whether this system has processes pinned to cores, and lets this one do it: a container may forbid the call."""
    if not hasattr(os, "sched_getaffinity"):
        return False
    try:
        os.sched_setaffinity(0, ())
    except OSError as error:
        return error.errno == errno.EINVAL  # no core at all is refused as such, where the call is allowed
    return True


ALIKE: Mapping[int, int] = MappingProxyType({})


def layout_for(cores: Mapping[int, frozenset[int]], generators: int = 1, kinds: Mapping[int, int] = ALIKE) -> Layout:
    """Divide cores, each given with the cores that share its physical one (itself among them).

    ``kinds`` has the kind of each core, 0 being the fastest of the machine; without it all are alike. Cores of a faster
    kind are taken first, and of one kind those with a higher number.

    The target gets the last core, since interrupts and the kernel's own work gather on the first, and its siblings stay
    empty where that leaves two at least. Of the rest, the load generator gets one for each of its processes, the
    external API another and the harness one, as far as they reach. Physical cores of the target's kind of which none is
    used yet are for targets of several processes, and their siblings stay empty; what is over is the harness's. One
    core alone is shared by all.
    """
    made = _divide(cores, generators, kinds)
    roles = {Role.TARGET: made.target, Role.GENERATOR: made.generator, Role.EXTERNAL_API: made.api}
    slower = (role for role, own in roles.items() if any(kinds.get(core, 0) for core in own or made.shared))
    return replace(made, slower=tuple(slower))


def _divide(cores: Mapping[int, frozenset[int]], generators: int, kinds: Mapping[int, int]) -> Layout:
    if len(cores) < 2:
        return Layout(shared=tuple(cores))
    *rest, target = sorted(cores, key=lambda core: (-kinds.get(core, 0), core))
    quiet = [core for core in rest if core not in cores[target]]
    rest = quiet if len(quiet) >= 2 else rest
    if len(rest) < generators + 1:
        return Layout(target=(target,), generator=tuple(rest), api=tuple(rest), harness=tuple(rest))
    own, left = rest[-generators:], rest[:-generators]
    api, left = left[-1], left[:-1] or left
    further: list[int] = []
    for core in reversed(left[1:]):
        is_alike = kinds.get(core, 0) == kinds.get(target, 0)
        if is_alike and not cores[core] & {target, *own, api, *left[:1], *further}:
            further.append(core)
    harness = tuple(core for core in left if not cores[core] & {*further})
    return Layout(target=(target,), further=tuple(further), generator=tuple(own), api=(api,), harness=harness)


def _siblings(core: int) -> frozenset[int]:
    """The cores that share a physical one with this, by ``thread_siblings_list``; alone where that is unknown."""
    return core_numbers(read(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")) | {core}


def why_not_pinned(layout: Layout) -> str | None:
    """One sentence where the target shares its core; ``None`` where it has one to itself."""
    if layout.target:
        return None
    if layout.shared:
        why = "There is one core: the target shares it with the load generator and the external API."
        every = os.cpu_count() or 1
        return f"{why} (Of {every}: taskset, or a container's cpuset, allows no other.)" if every > 1 else why
    return "This system cannot pin processes to cores: the target may have shared its core."


NAMES = {Role.TARGET: "the target", Role.GENERATOR: "the load generator", Role.EXTERNAL_API: "the external API"}


def why_slower(layout: Layout) -> str | None:
    """One sentence where a role is not on cores of the machine's fastest kind; ``None`` where all are."""
    if not layout.slower:
        return None
    *others, last = (NAMES[role] for role in layout.slower)
    named = f"{', '.join(others)} and {last}" if others else last
    return (
        f"Cores are of several kinds here, and too few of the fastest may be used: {named} "
        f"{'are' if others else 'is'} on slower ones."
    )


def find_strayed(pids: Iterable[int], cores: Sequence[int]) -> int | None:
    """The first of these processes that may run elsewhere than on these cores; ``None`` where nothing is pinned."""
    for pid in pids if cores else ():
        with contextlib.suppress(OSError):  # it has just ended, which is found elsewhere
            if not os.sched_getaffinity(pid) <= {*cores}:
                return pid
    return None


@contextlib.contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Run the body on these cores; empty: wherever the kernel likes.

    Raises:
        MachineLimitError: when none of them may be used any more.

    """
    if not cores:
        yield
        return
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores)
    except OSError as error:
        named = ", ".join(map(str, cores))
        raise MachineLimitError(
            f"Core {named}, on which this run began, may not be used any more ({error.strerror}): it was taken "
            "offline, or a container's cpuset has changed. Run again."
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # of those before none may be there any more, and then any other will do
            os.sched_setaffinity(0, allowed)
