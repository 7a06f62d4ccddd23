"""Kinds of cores: performance and efficiency cores of one processor, as far as the system says which are which.

How fast a core is stands in several places, and not everywhere in the same one. Cores of one kind differ by some per
cent in what they reach, where the maker has found some to be better (AMD's preferred cores, Intel's turbo boost max):
that is one kind.
"""

from collections.abc import Collection, Mapping

from stackmatrix.system.linux import ONLINE, core_numbers, read
from stackmatrix.system.processor import INFO

SAME_KIND = 0.85
"""A core is of the fastest one's kind if it reaches this share of it. Preferred cores and those with more cache differ
by up to 8 per cent; Intel's efficiency cores reach at most 81 per cent of its performance cores, ARM's little ones
less."""
CPU = "/sys/devices/system/cpu"
RANKED = "AuthenticAMD"
"""Whose highest performance is a rank among cores that are alike, and no speed."""

type Speeds = Mapping[int, float]


def kinds_of(cores: Collection[int]) -> Mapping[int, int]:
    """The kind of each core: 0 is the fastest of this machine. All are alike where nothing tells."""
    every = {*cores, *core_numbers(read(ONLINE))}
    for speeds_of in (_capacities, _by_name, _frequencies, _highest_performance):
        kinds = rank(speeds_of(every))
        if len({*kinds.values()}) > 1:
            return kinds
    return dict.fromkeys(every, 0)


def grouped() -> tuple[tuple[int, ...], ...]:
    """The cores that are online by their kind, the fastest first; empty where all are alike, or nothing tells."""
    kinds = kinds_of(())
    found = [tuple(sorted(core for core, one in kinds.items() if one == kind)) for kind in sorted({*kinds.values()})]
    return tuple(found) if len(found) > 1 else ()


def rank(speeds: Speeds) -> Mapping[int, int]:
    """The kind of each core by its speed, in whatever unit: 0 is the fastest."""
    kinds: dict[int, int] = {}
    left, kind = dict(speeds), 0
    while left:
        least = SAME_KIND * max(left.values())
        kinds |= {core: kind for core, speed in left.items() if speed >= least}
        left = {core: speed for core, speed in left.items() if speed < least}
        kind += 1
    return kinds


def _each(cores: Collection[int], file: str) -> Speeds:
    """A number of each core; none where one of the cores does not have it."""
    told = {core: (read(f"{CPU}/cpu{core}/{file}") or "").strip() for core in cores}
    if not all(text.isdecimal() and int(text) > 0 for text in told.values()):
        return {}
    return {core: float(text) for core, text in told.items()}


def _capacities(cores: Collection[int]) -> Speeds:
    """As ARM's and RISC-V's device trees have it, and the scheduler uses it."""
    return _each(cores, "cpu_capacity")


def _by_name(cores: Collection[int]) -> Speeds:
    """Intel's kinds have names: performance cores are those of ``cpu_core``, and all others are slower."""
    fast = core_numbers(read("/sys/devices/cpu_core/cpus"))
    return {core: 1.0 if core in fast else 0.5 for core in cores} if fast else {}


def _frequencies(cores: Collection[int]) -> Speeds:
    return _each(cores, "cpufreq/cpuinfo_max_freq")


def _highest_performance(cores: Collection[int]) -> Speeds:
    """As the firmware tells it (ACPI's CPPC), where it is a speed."""
    return {} if RANKED in (read(INFO) or "") else _each(cores, "acpi_cppc/highest_perf")
