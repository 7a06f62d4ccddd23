"""Machines with several kinds of cores, and how these are divided, by what their kernels say of them.

No such machine is here: the kernel's files are put in place of this one's, with the numbers that such machines have.
"""

import os
from collections.abc import Callable, Iterable, Mapping

import pytest

from stackmatrix.analysis.level.usage import Role
from stackmatrix.system import core_kinds, cores
from stackmatrix.system.core_kinds import grouped, kinds_of, rank
from stackmatrix.system.cores import Layout, divide_cores, layout_for, why_slower

type Files = Mapping[str, str]
type Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Puts a kernel's files in place of this one's, and lets this process use some of the cores."""

    def put(files: Files, allowed: Iterable[int]) -> None:
        monkeypatch.setattr(core_kinds, "read", files.get)
        monkeypatch.setattr(cores, "read", files.get)
        monkeypatch.setattr(cores, "can_pin", lambda: True)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*allowed}, raising=False)

    return put


def each(file: str, *values: int, siblings: int = 0) -> dict[str, str]:
    """A file of each core; of the first ``siblings`` two and two share a physical one."""
    cpu = core_kinds.CPU
    files = {f"{cpu}/cpu{core}/{file}": f"{value}\n" for core, value in enumerate(values)}
    for core in range(len(values)):
        pair = f"{core // 2 * 2}-{core // 2 * 2 + 1}" if core < siblings else str(core)
        files[f"{cpu}/cpu{core}/topology/thread_siblings_list"] = f"{pair}\n"
    return {**files, f"{cpu}/online": f"0-{len(values) - 1}\n"}


NAMED = {"/sys/devices/cpu_core/cpus": "0-15\n", "/sys/devices/cpu_atom/cpus": "16-23\n"}
FREQUENCY, PERFORMANCE = "cpufreq/cpuinfo_max_freq", "acpi_cppc/highest_perf"
# 8 performance cores with two threads, and 8 efficiency cores: two of the former reach more than the others.
RAPTOR_LAKE = each(FREQUENCY, *[5500000] * 8, *[5800000] * 4, *[5500000] * 4, *[4300000] * 8, siblings=16) | NAMED
ARROW_LAKE = each(FREQUENCY, *[5700000] * 8, *[4600000] * 16)
APPLE_M1 = each("cpu_capacity", *[485] * 4, *[1024] * 4)
SNAPDRAGON = each("cpu_capacity", *[250] * 4, *[871] * 3, 1024)
TWO_AND_FOUR = each("cpu_capacity", 1024, 1024, *[400] * 4)
ONE_FAST = each("cpu_capacity", 1024, *[400] * 4)
RYZEN_WITH_CACHE = each(FREQUENCY, *[5250000] * 8, *[5750000] * 8)
RYZEN_RANKED = each(PERFORMANCE, *range(166, 241, 5)) | {"/proc/cpuinfo": "vendor_id\t: AuthenticAMD\n"}
STRIX_POINT = each(FREQUENCY, *[5157000] * 4, *[3300000] * 8)
WITH_CPPC = each(PERFORMANCE, *[64] * 4, *[41] * 4) | {"/proc/cpuinfo": "vendor_id\t: GenuineIntel\n"}
TURBO_BOOST_MAX = each(FREQUENCY, 4500000, 4700000, 4700000, 4500000)
ALIKE = each("cpu_capacity", *[1024] * 4)


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        (RAPTOR_LAKE, (tuple(range(16)), tuple(range(16, 24)))),
        (ARROW_LAKE, (tuple(range(8)), tuple(range(8, 24)))),
        (APPLE_M1, ((4, 5, 6, 7), (0, 1, 2, 3))),
        (SNAPDRAGON, ((7, *range(4, 7)), (0, 1, 2, 3))),
        (STRIX_POINT, ((0, 1, 2, 3), tuple(range(4, 12)))),
        (WITH_CPPC, ((0, 1, 2, 3), (4, 5, 6, 7))),
        # Some per cent are of the same kind, and AMD's highest performance is a rank.
        (RYZEN_WITH_CACHE, ()),
        (RYZEN_RANKED, ()),
        (TURBO_BOOST_MAX, ()),
        (ALIKE, ()),
        ({}, ()),
        (APPLE_M1 | {f"{core_kinds.CPU}/cpu3/cpu_capacity": ""}, ()),
        (APPLE_M1 | {f"{core_kinds.CPU}/cpu3/cpu_capacity": "what?"}, ()),
        (APPLE_M1 | {f"{core_kinds.CPU}/cpu3/cpu_capacity": "-1"}, ()),
        ({**NAMED, "/sys/devices/cpu_core/cpus": "all of them"} | each("x", *[1] * 24), ()),
    ],
)
def test_cores_are_of_the_kinds_that_the_system_tells(
    machine: Machine, files: Files, kinds: tuple[tuple[int, ...], ...]
) -> None:
    machine(files, ())
    assert grouped() == tuple(tuple(sorted(kind)) for kind in kinds)


def test_a_core_is_of_the_fastest_kind_if_it_reaches_the_share_of_it() -> None:
    assert rank({0: 100, 1: 85, 2: 84, 3: 72, 4: 71, 5: 1}) == {0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 5: 3}
    assert rank({}) == {}


@pytest.mark.parametrize(
    ("files", "allowed", "layout"),
    [
        (RAPTOR_LAKE, range(24),
         Layout(target=(15,), further=(11, 9, 7, 5, 3, 1), generator=(13,), api=(12,), harness=tuple(range(16, 24)))),
        (APPLE_M1, range(8), Layout(target=(7,), further=(4,), generator=(6,), api=(5,), harness=(0, 1, 2, 3))),
        # The few fast ones go to the target first, then to the load generator.
        (TWO_AND_FOUR, range(6),
         Layout(target=(1,), generator=(0,), api=(5,), harness=(2, 3, 4), slower=(Role.EXTERNAL_API,))),
        (ONE_FAST, range(5),
         Layout(target=(0,), generator=(4,), api=(3,), harness=(1, 2), slower=(Role.GENERATOR, Role.EXTERNAL_API))),
        # Which are allowed is not which there are.
        (APPLE_M1, (0, 1, 2, 3),
         Layout(target=(3,), generator=(2,), api=(1,), harness=(0,),
                slower=(Role.TARGET, Role.GENERATOR, Role.EXTERNAL_API))),
        (APPLE_M1, (1, 5), Layout(target=(5,), generator=(1,), api=(1,), harness=(1,),
                                  slower=(Role.GENERATOR, Role.EXTERNAL_API))),
        (APPLE_M1, (1,), Layout(shared=(1,), slower=(Role.TARGET, Role.GENERATOR, Role.EXTERNAL_API))),
        (RYZEN_RANKED, (0, 1, 2, 3), Layout(target=(3,), generator=(2,), api=(1,), harness=(0,))),
    ],
)  # fmt: skip
def test_the_fastest_kind_is_taken_first(
    machine: Machine, files: Files, allowed: Iterable[int], layout: Layout
) -> None:
    machine(files, allowed)
    assert divide_cores() == layout


def test_a_target_of_several_processes_gets_cores_of_one_kind() -> None:
    kinds = {core: int(core >= 4) for core in range(12)}
    layout = layout_for({core: frozenset({core}) for core in range(12)}, kinds=kinds)
    assert {kinds[core] for core in layout.of_target(9)} == {0}


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (Layout(), None),
        (Layout(slower=(Role.EXTERNAL_API,)), "the external API is on slower ones."),
        (Layout(slower=(Role.GENERATOR, Role.EXTERNAL_API)), "the load generator and the external API are on slower"),
        (Layout(slower=(Role.TARGET, Role.GENERATOR, Role.EXTERNAL_API)), "the target, the load generator and the ext"),
    ],
)
def test_what_is_on_slower_cores_is_named(layout: Layout, said: str | None) -> None:
    why = why_slower(layout)
    assert (why is None) == (said is None)
    assert (said or "") in (why or "")


def test_all_cores_are_alike_where_nothing_tells(machine: Machine) -> None:
    machine({}, ())
    assert kinds_of((3, 9)) == {3: 0, 9: 0}
