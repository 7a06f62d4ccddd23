"""The most telling faults, each with the real fault: a run is killed or cut off, and what is left of it."""

import os
import pty
import signal
from pathlib import Path

import pytest

from tests.faults import running
from tests.faults.running import CELLS, complete, end, reached

pytestmark = pytest.mark.alone


def test_nox_that_is_killed_leaves_nothing_running_and_a_finished_block_is_in_its_file(tmp_path: Path) -> None:
    with reached(tmp_path, "block", 2, through_nox=True) as run:
        os.kill(run.victim("nox"), signal.SIGKILL)
        run.release()
        assert run.left() == []
    assert run.counts() == [1, 1, 1]
    assert {run.status(cell)[0] for cell in CELLS} == {"ok"}
    assert "stackmatrix: told to end; what was measured is written, and nothing is left running." in run.printed
    assert "Traceback" not in run.printed


def test_a_harness_that_is_killed_while_it_writes_loses_no_finished_block_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    with reached(tmp_path, "write", 6) as run:  # of three cells the second file of the second block
        os.kill(run.victim("harness"), signal.SIGKILL)
        assert run.wait_ended(running.GONE_S) == 137
        assert run.left() == []
    assert "stackmatrix: it was ended from outside by SIGKILL." in run.printed
    assert run.counts() == [1, 1, 1]
    again = complete(tmp_path)
    assert again.process.returncode == 0, again.printed
    assert again.counts() == [2, 2, 2]
    assert not [*tmp_path.rglob("*.part")]
    assert not [*(tmp_path / "tmp").iterdir()]


def test_a_target_that_is_killed_under_load_is_measured_again_and_its_file_says_what_happened(tmp_path: Path) -> None:
    with reached(tmp_path, "block", 1, blocks=1) as run:
        os.kill(run.victim("target"), signal.SIGKILL)
        run.release()
        assert run.wait_ended() == 8, run.printed
        assert run.left() == []
    assert run.counts() == [1, 1, 1]
    states = dict(zip(CELLS, (run.status(cell) for cell in CELLS), strict=True))
    (hit,) = [state for state in states.values() if state[0] != "ok"]
    assert hit[0] == "unstable"
    assert "ended by itself" in str(hit[1])


def test_a_terminal_that_is_closed_ends_the_run_without_a_traceback(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    run = running.begin(tmp_path, "block", 1, output=theirs)
    try:
        os.close(theirs)
        run.wait_reached()
        os.close(ours)  # whatever it prints from now on cannot be written
        os.killpg(run.process.pid, signal.SIGHUP)
        run.release()
        assert run.wait_ended(running.GONE_S) == 129
        assert run.left() == []
    finally:
        end(run)
    assert not [*tmp_path.rglob("*.part"), *(tmp_path / "tmp").iterdir()]
