"""How busy cores were, where the system numbers them in another way, takes some offline, or writes something odd.

A container with lxcfs is not here: its files are put in place of this system's.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackmatrix.system import limits, linux
from stackmatrix.system.cores import Layout
from stackmatrix.system.linux import ONLINE, STAT, core_numbers, core_times
from stackmatrix.system.machine_meter import MachineMeter

type System = Callable[..., None]

LINE = "cpu{core} 4705 356 584 3699176 23060 0 277 12 0 0\n"
MOUNTS = "25 30 0:23 / /proc rw,nosuid - proc proc rw\n"
LXCFS = "412 25 0:51 /proc/stat /proc/stat rw,nosuid,nodev,relatime master:12 - fuse.lxcfs lxcfs rw,user_id=0\n"
USED = (8, 9, 24, 25)


def stat(*cores: int) -> str:
    return "cpu  18820 1424 2336 14796704 92240 0 1108 0 0 0\n" + "".join(LINE.format(core=core) for core in cores) + (
        "intr 114930548 113199788 3 0 5\nctxt 1990473\nbtime 1062191376\nprocesses 2915\n"
    )  # fmt: skip


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """Puts what each look at ``/proc/stat`` finds, the last for all further ones, and the list of cores online."""

    def put(*stats: str, online: str | None = None, mounts: str = MOUNTS) -> None:
        linux._is_stat_replaced.cache_clear()
        left = list(stats)

        def read(path: str) -> str | None:
            if path == STAT:
                return left.pop(0) if len(left) > 1 else left[0]
            return {ONLINE: online, "/proc/self/mountinfo": mounts}.get(path)

        monkeypatch.setattr(linux, "read", read)

    yield put
    linux._is_stat_replaced.cache_clear()


def unknown(used: tuple[int, ...] = USED) -> tuple[int, ...]:
    """The cores of which a meter does not know how busy they were."""
    meter = MachineMeter(used, used[:1], {})
    meter.open(())
    meter.begin()
    meter.end()
    around = meter.close((), {used: 0.5})
    if around.unknown_cores == used:
        assert (around.steal_share, around.generator_core_share, around.unexplained) == (None, None, None)
    return around.unknown_cores


def test_a_container_that_numbers_cores_from_0_has_unknown_cores_and_no_wrong_ones(system: System) -> None:
    system(stat(0, 1, 2, 3), online="8-9,24-25\n", mounts=MOUNTS + LXCFS)
    assert core_times() is None
    assert unknown() == USED
    # Its own core 1 is another than that by which a process is pinned, and so not taken for it.
    assert unknown((0, 1)) == (0, 1)
    assert str(limits.why_cores_unknown(Layout(target=(9,), generator=(8,)))).startswith("How busy each core is cannot")


def test_what_stands_in_place_of_the_kernels_file_is_not_trusted_where_its_numbers_are_there(system: System) -> None:
    system(stat(0, 1), online="0-1\n", mounts=MOUNTS + LXCFS)
    assert core_times() is None
    system(stat(0, 1), online="0-1\n")
    assert {*(core_times() or {})} == {0, 1}


@pytest.mark.parametrize("online", ["8-9,24-25\n", "0-31\n"])
def test_so_does_a_file_that_has_other_cores_than_are_online(system: System, online: str) -> None:
    system(stat(0, 1, 2, 3), online=online)
    assert core_times() is None


def test_where_the_list_of_those_online_is_missing_cores_are_told_as_they_are(system: System) -> None:
    system(stat(*USED))
    assert {*(core_times() or {})} == {*USED}
    assert unknown() == ()
    assert limits.why_cores_unknown(Layout(target=(9,), generator=(8,))) is None


def test_cores_that_are_offline_are_not_missed(system: System) -> None:
    system(stat(0, 2, 3), online="0,2-3\n")
    assert unknown((0, 3)) == ()


def test_a_core_that_goes_in_the_middle_is_unknown_and_the_others_are_known(system: System) -> None:
    system(stat(*USED), stat(8, 9, 24))
    assert unknown() == (25,)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("", None),
        ("cpu0\n", None),
        ("cpu0 1 2 3\n", None),
        ("cpu0 1 2 three 4 5 6 7 8\n", None),
        ("cpu0 1 2 3 4 5 6 7\n", {0}),
        ("\0\xff", None),
        (stat(0) + "cpu1 broken\n", {0}),
    ],
)
def test_odd_text_tells_of_no_core(system: System, text: str, cores: set[int] | None) -> None:
    system(text)
    found = core_times()
    assert (None if found is None else {*found}) == cores


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("0-3,8\n", {0, 1, 2, 3, 8}), ("5", {5}), ("0,2-3", {0, 2, 3}), ("", set()), (None, set()), ("\n", set()),
        ("one", set()), ("0-", set()), ("3-1", set()), ("-1", set()), ("0-99999999999", set()), ("0,,1", set()),
    ],
)  # fmt: skip
def test_the_kernels_lists_of_cores_are_read_or_are_none(text: str | None, cores: set[int]) -> None:
    assert core_numbers(text) == cores


@pytest.mark.skipif(not Path(STAT).exists(), reason="only Linux tells")
def test_this_systems_own_cores_are_known() -> None:
    linux._is_stat_replaced.cache_clear()
    times = core_times()
    if times is None:
        pytest.skip("this is a container that numbers cores in another way")
    assert {*times} == core_numbers(linux.read(ONLINE))
