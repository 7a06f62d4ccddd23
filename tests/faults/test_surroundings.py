"""What goes wrong around a run: its disk and folder, the clock, the lid, a port, and targets that misbehave."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from stackmatrix.system import processes
from tests.faults import running
from tests.faults.running import CELLS, complete, reached


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, where this user may mount one; a run looks first whether it has room."""
    place = tmp_path / "results"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    """Leave no space at all."""
    with (place / "filler").open("wb") as file:
        try:
            while True:
                file.write(bytes(4096))
                file.flush()
        except OSError:
            pass


def rescued(run: running.Run) -> Path:
    """Where the last block is kept, by what is said."""
    return Path(run.printed.partition("The last block is kept in ")[2].partition(":")[0])


def test_a_disk_that_is_full_in_the_middle_keeps_the_block_elsewhere_and_says_how_to_go_on(
    tmp_path: Path, small_disk: Path
) -> None:
    with reached(tmp_path, "block", 2) as run:
        fill(small_disk)
        run.release()
        assert run.wait_ended() == 6
        assert run.left() == []
    assert "cannot be written (No space left on device). The last block is kept in " in run.printed
    assert run.counts() == [1, 1, 1]
    (small_disk / "filler").unlink()
    shutil.copytree(rescued(run), small_disk, dirs_exist_ok=True)  # as the sentence says
    shutil.rmtree(rescued(run))
    assert run.counts() == [2, 2, 2]
    again = complete(tmp_path, blocks=3)
    assert (again.process.returncode, again.counts()) == (0, [3, 3, 3])
    assert not [*tmp_path.rglob("*.part"), *tmp_path.rglob("*.written")]


def test_a_disk_that_is_full_at_the_beginning_is_found_before_anything_is_measured(
    tmp_path: Path, small_disk: Path
) -> None:
    fill(small_disk)
    run = complete(tmp_path)
    assert run.process.returncode == 6
    assert re.search(r"Results need about \d+ MB, and 0 MB are free", run.printed)


def test_a_results_folder_that_becomes_read_only_keeps_the_block_elsewhere(tmp_path: Path, small_disk: Path) -> None:
    with reached(tmp_path, "block", 2) as run:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        run.release()
        assert run.wait_ended() == 6
        assert run.left() == []
    assert "cannot be written (Read-only file system). The last block is kept in " in run.printed
    assert run.counts() == [1, 1, 1]
    shutil.rmtree(rescued(run))
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    again = complete(tmp_path)
    assert (again.process.returncode, again.counts()) == (0, [2, 2, 2])


def test_a_results_folder_that_is_removed_in_the_middle_is_written_again(tmp_path: Path) -> None:
    with reached(tmp_path, "block", 2) as run:
        shutil.rmtree(tmp_path / "results")
        run.release()
        assert run.wait_ended() == 0
    assert run.counts() == [2, 2, 2]


def test_a_full_disk_of_temporary_files_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", tmp_path / "tmp"], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with reached(tmp_path, "write", 1) as run:
            fill(tmp_path / "tmp")
            run.release()
            assert run.wait_ended() == 14
            assert run.left() == []
        assert "cannot be written (No space left on device), which a run needs while it lasts" in run.printed
        assert "Traceback" not in run.printed
        assert run.counts() == [1, 1, 1]
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "tmp")], check=True)


def test_a_clock_that_is_set_back_an_hour_changes_no_length_and_no_order(tmp_path: Path) -> None:
    # A stand-in: the clock of the machine is everybody's. What the harness takes the date from says an hour less.
    with reached(tmp_path, "write", 1, STAGED_CLOCK="3600") as run:
        run.release()
        assert run.wait_ended() == 0
    assert run.counts() == [2, 2, 2]
    first, second = run.blocks()
    assert second["started"] < first["started"]
    assert [block["round"] for block in (first, second)] == [0, 1]
    assert all(0 < block["duration_s"] < 300 for block in (first, second))
    again = complete(tmp_path, blocks=3)
    assert (again.process.returncode, again.counts()) == (0, [3, 3, 3])


@pytest.mark.parametrize("stage", ["start", "verify", "warm-up", "block", "stop"])
@pytest.mark.parametrize("stopped_s", [4.0])
def test_a_harness_that_was_stopped_goes_on_and_keeps_no_false_figure(
    tmp_path: Path, stage: str, stopped_s: float
) -> None:
    hold(tmp_path, stage, stopped_s, everything=False)


@pytest.mark.parametrize(("stopped", "stopped_s"), [("harness", 60.0), ("everything", 10.0)])
def test_a_lid_that_was_closed_spoils_the_block_in_progress_alone(
    tmp_path: Path, stopped: str, stopped_s: float
) -> None:
    hold(tmp_path, "block", stopped_s, everything=stopped == "everything")


def hold(folder: Path, stage: str, stopped_s: float, *, everything: bool) -> None:
    """Stop the harness, or all its processes, at a stage of the first block, and let it go on."""
    with reached(folder, stage, 1) as run:
        held = [psutil.Process(run.harness)]
        if everything:
            held = [one for one in run.seen.values() if one.is_running()]
        for one in held:
            one.suspend()
        time.sleep(stopped_s)
        for one in held:
            one.resume()
        run.release()
        assert run.wait_ended() == 0
        assert run.left() == []
    assert "Traceback" not in run.printed
    assert run.counts() == [2, 2, 2]
    first, second = run.blocks()
    said = " ".join(one["sentence"] for one in first["findings"])
    if stage == "block":
        assert "held up" in said or "the machine slept" in said
        assert first["validity"] == "invalid" or "Attempt 2" in said
    assert "held up" not in " ".join(one["sentence"] for one in second["findings"])
    assert [run.status(cell)[0] for cell in CELLS] == ["ok"] * 3


def test_a_port_that_is_taken_between_two_blocks_is_left_to_whoever_took_it(tmp_path: Path) -> None:
    with reached(tmp_path, "block", 1) as run:
        ports = {
            one.laddr.port for one in psutil.Process(run.victim("target")).net_connections() if one.status == "LISTEN"
        }
        run.release()
        (port,) = ports
        with socket.socket() as taken:
            running.wait_for(lambda: can_bind(taken, port), running.REACHED_S, "the port")
            taken.listen()
            assert run.wait_ended() == 0
    assert run.counts() == [2, 2, 2]


def can_bind(taken: socket.socket, port: int) -> bool:
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


MISBEHAVIOUR = {
    "ignores SIGTERM": (0, "had to be killed: they did not stop when asked to"),
    "leaks": (8, "GB of memory that this machine has, of which"),
    "forks": (8, "processes, and it was ended"),
    "logs": (8, "MB, and it was ended"),
}
EARLIER = "stackmatrix.testbed.watch.LEAST_LEFT_SHARE:2,stackmatrix.testbed.watch.LARGE_SHARE:0.02"
"""A stand-in for a machine without memory: to use all of this one up would end what else runs on it."""
TOO_MUCH: dict[str, Callable[[Sequence[psutil.Process]], bool]] = {
    "leaks": lambda tree: sum(one.memory_info().rss for one in tree) > 0.03 * psutil.virtual_memory().total,
    "forks": lambda tree: len(tree) > 400,
}


@pytest.mark.parametrize("kind", MISBEHAVIOUR)
def test_a_target_that_takes_too_much_is_ended_alone_and_named_and_the_others_are_measured(
    tmp_path: Path, kind: str
) -> None:
    code, sentence = MISBEHAVIOUR[kind]
    given = {"STAGED_MISBEHAVES": kind, **({"STAGED_PATCHES": EARLIER} if kind == "leaks" else {})}
    with reached(tmp_path, "block", 1, blocks=1, **given) as run:
        target = run.victim("target")
        (tmp_path / "misbehave").touch()
        if kind in TOO_MUCH:
            running.wait_for(lambda: TOO_MUCH[kind](processes.tree(target)), running.REACHED_S, "too much")
        if kind == "logs":
            running.wait_for(lambda: longest_log(tmp_path) > 250_000_000, running.REACHED_S, "too long a log")
        run.release()
        assert run.wait_ended() == code
        assert run.left() == []
    assert sentence in run.printed
    assert "Traceback" not in run.printed
    misbehaves, twin, planted = run.counts()
    assert (twin, planted) == (1, 1)
    assert misbehaves == (0 if code else 1)
    assert run.status()[0] == ("failed" if code else "ok")


def longest_log(folder: Path) -> int:
    """In bytes, of those in the harness's private folder."""
    return max((log.stat().st_size for log in (folder / "tmp").glob("*/*.log")), default=0)


def test_what_a_target_leaves_behind_without_a_parent_is_ended_with_it(tmp_path: Path) -> None:
    with reached(tmp_path, "block", 1, STAGED_MISBEHAVES="detaches") as run:
        (tmp_path / "misbehave").touch()
        time.sleep(1.0)
        run.release()
        assert run.wait_ended() == 0
        assert run.left() == []
    assert run.counts() == [2, 2, 2]
    assert "had to be killed: they did not stop when asked to" in run.printed


def test_a_target_that_answers_500_from_its_hundredth_request_on_has_a_block_that_does_not_count(
    tmp_path: Path,
) -> None:
    run = complete(tmp_path, blocks=1, given=["--profile", "answer"], STAGED_MISBEHAVES="answers 500")
    assert run.process.returncode == 0, run.printed
    assert run.left() == []
    (block,) = run.blocks()
    assert block["validity"] == "invalid"
    assert "requests failed" in " ".join(one["sentence"] for one in block["findings"])
    assert [run.blocks(cell)[0]["validity"] for cell in CELLS[1:]] == ["valid", "valid"]
