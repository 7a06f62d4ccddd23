"""How the cores of this machine are divided among what takes part in a measurement."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.level.usage import Role
from stackmatrix.system.linux import read

FURTHER = "further_targets"
"""The name that results have for the cores of a target's further processes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which cores each role may use; empty where nothing is pinned. ``shared`` is the one core of all of them.

    ``further`` are those that a target of several processes has beside the target's own, as far as they reach.
    """

    target: tuple[int, ...] = ()
    further: tuple[int, ...] = ()
    generator: tuple[int, ...] = ()
    api: tuple[int, ...] = ()
    harness: tuple[int, ...] = ()
    shared: tuple[int, ...] = ()

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
    if not hasattr(os, "sched_getaffinity"):
        return Layout()
    return layout_for({core: _siblings(core) for core in sorted(os.sched_getaffinity(0))}, generators)


def layout_for(cores: Mapping[int, frozenset[int]], generators: int = 1) -> Layout:
    """Divide cores, each given with the cores that share its physical one (itself among them).

    The target gets the last core, since interrupts and the kernel's own work gather on the first, and its siblings stay
    empty where that leaves two at least. Of the rest, the load generator gets one for each of its processes, the
    external API another and the harness one, as far as they reach. Physical cores of which none is used yet are for
    targets of several processes, and their siblings stay empty; what is over is the harness's. One core alone is shared
    by all.
    """
    if len(cores) < 2:
        return Layout(shared=tuple(cores))
    target = max(cores)
    rest = [core for core in cores if core != target]
    quiet = [core for core in rest if core not in cores[target]]
    rest = quiet if len(quiet) >= 2 else rest
    if len(rest) < generators + 1:
        return Layout(target=(target,), generator=tuple(rest), api=tuple(rest), harness=tuple(rest))
    own, left = rest[-generators:], rest[:-generators]
    api, left = left[-1], left[:-1] or left
    further: list[int] = []
    for core in reversed(left[1:]):
        if not cores[core] & {target, *own, api, *left[:1], *further}:
            further.append(core)
    harness = tuple(core for core in left if not cores[core] & {*further})
    return Layout(target=(target,), further=tuple(further), generator=tuple(own), api=(api,), harness=harness)


def _siblings(core: int) -> frozenset[int]:
    """The cores that share a physical one with this, by ``thread_siblings_list``; alone where that is unknown."""
    siblings = read(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    parts = [part.split("-") for part in siblings.split(",")] if siblings else []
    return frozenset({core, *(sibling for part in parts for sibling in range(int(part[0]), int(part[-1]) + 1))})


def why_not_pinned(layout: Layout) -> str | None:
    """One sentence where the target shares its core; ``None`` where it has one to itself."""
    if layout.target:
        return None
    if layout.shared:
        return "There is one core: the target shares it with the load generator and the external API."
    return "This system cannot pin processes to cores: the target may have shared its core."


@contextlib.contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Run the body on these cores; empty: wherever the kernel likes."""
    if not cores:
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
