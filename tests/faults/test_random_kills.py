"""Ten kills of anything at any time: the blocks in the end are those of a run that nobody has killed."""

import os
import random
import signal
import time
from pathlib import Path

from tests.faults import running
from tests.faults.running import CELLS, Run, begin, end

SEED = 20
KILLS = 10
BLOCKS = 5
"""So many are made whatever they show; further ones only until the controls are known, which is up to chance."""
MEASURE = "cost,stop"
EARLIEST_S, LATEST_S = 1.0, 8.0
"""Between two kills: from the start of a run to some way into a block."""
ANYBODY = ("harness", "guard", "target", "api", "circusd", "locust")


def test_ten_random_kills_end_in_the_blocks_of_a_run_without_any(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    killed: list[str] = []
    run: Run | None = None
    hit: set[int] = set()
    folder = tmp_path / "killed"
    while len(killed) < KILLS:
        if run is None or run.process.poll() is not None:
            if run is not None:
                assert run.left() == [], killed
                assert "Traceback" not in run.printed, run.printed
                end(run)
            run, hit = begin(folder, blocks=BLOCKS, measure=MEASURE), set()
        until_s = time.monotonic() + chance.uniform(EARLIEST_S, LATEST_S)
        while time.monotonic() < until_s and run.process.poll() is None:
            run.look()
            time.sleep(0.1)
        victim = chance.choice(ANYBODY)
        pid = living(run, victim)
        # One target that is killed again and again is left out of a run, as one that falls over by itself.
        if pid is None or (victim == "target" and hit):
            continue
        hit |= {pid} if victim == "target" else set()
        os.kill(pid, signal.SIGKILL)
        killed.append(victim)
    assert run is not None
    run.wait_ended()
    assert run.left() == []
    end(run)
    last = running.complete(folder, blocks=BLOCKS, measure=MEASURE)
    assert last.process.returncode == 0, last.printed
    plain = running.complete(tmp_path / "plain", blocks=BLOCKS, measure=MEASURE)
    assert plain.process.returncode == 0, plain.printed
    for cell in CELLS:
        found, wanted = (running.read(one.folder / "results", cell) for one in (last, plain))
        for kind in ("cost", "stops"):
            valid = [sum(one["validity"] == "valid" for one in result[kind]) for result in (found, wanted)]
            assert valid[0] == valid[1], (cell, kind, killed)
            keys = [(one["run"], one["round"], one.get("batch")) for one in found[kind]]
            assert len(set(keys)) == len(keys)
    print(f"killed: {', '.join(killed)}")


def living(run: Run, victim: str) -> int | None:
    """The process of a role that is alive now; ``None`` where there is none."""
    run.look()
    run.seen = {pid: one for pid, one in run.seen.items() if one.is_running()}
    if run.process.poll() is not None:
        return None
    if victim == "guard":
        return run.process.pid
    if victim == "harness":
        return next((pid for pid, one in run.seen.items() if one.ppid() == run.process.pid), None)
    try:
        return run.victim(victim)
    except AssertionError:
        return None
