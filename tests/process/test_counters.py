"""Instructions of real processes, counted by callgrind where it is installed; perf is played by a script."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stackmatrix.analysis.callgrind import Costs
from stackmatrix.errors import CounterMissingError, TrialError
from stackmatrix.measurements.counts import counters
from stackmatrix.measurements.counts.counters import Callgrind, Perf
from stackmatrix.system import processes

needs_valgrind = pytest.mark.skipif(not shutil.which("vgdb"), reason="valgrind is not installed")

WORKER = """
import sys
for line in sys.stdin:
    for _ in range(int(line)):
        pass
    print("done", flush=True)
"""
FORKS = "import os, sys\nos.fork()\nsys.stdin.readline()\n"


class Worker:
    """A process that turns a loop as often as it is told to."""

    def __init__(self, command: tuple[str, ...]) -> None:
        # The seed moves the names in a module's dictionary, which such a small loop feels.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe)
        self.pid = self._child.pid

    def turn(self, times: int) -> None:
        assert self._child.stdin
        assert self._child.stdout
        print(times, file=self._child.stdin, flush=True)
        assert self._child.stdout.readline() == "done\n"

    def end(self) -> None:
        self._child.kill()
        self._child.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], tuple[Callgrind, Worker]]]:
    workers: list[Worker] = []

    def start() -> tuple[Callgrind, Worker]:
        folder = tmp_path / str(len(workers))
        folder.mkdir()
        counter = counters.choose(folder)
        assert isinstance(counter, Callgrind)
        workers.append(Worker(counter.wrap((sys.executable, "-c", WORKER))))
        workers[-1].turn(1000)
        return counter, workers[-1]

    yield start
    for worker in workers:
        worker.end()


def count(counter: Callgrind, worker: Worker, turns: int) -> Costs:
    counter.begin([worker.pid])
    worker.turn(turns)
    return counter.end([worker.pid])


@needs_valgrind
def test_only_what_was_executed_between_begin_and_end_is_counted_and_its_parts_are_named(
    start: Callable[[], tuple[Callgrind, Worker]],
) -> None:
    counter, worker = start()
    least, more, most = (count(counter, worker, turns) for turns in (0, 100_000, 300_000))
    assert (most.total() - least.total()) / (more.total() - least.total()) == pytest.approx(3, rel=0.03)
    heaviest = most.most_common(1)[0][0]
    assert heaviest.object
    assert heaviest.name
    assert counter.version.startswith("valgrind-")


@needs_valgrind
def test_a_fresh_process_counts_the_same(start: Callable[[], tuple[Callgrind, Worker]]) -> None:
    one, other = (count(*start(), 300_000).total() for _ in range(2))
    assert one == pytest.approx(other, rel=0.01)


@needs_valgrind
def test_children_are_counted_too(tmp_path: Path) -> None:
    counter = counters.choose(tmp_path)
    child = subprocess.Popen(counter.wrap((sys.executable, "-c", FORKS)), stdin=subprocess.PIPE)
    try:
        pids = processes.wait_until(
            lambda: pids if len(pids := [one.pid for one in processes.tree(child.pid)]) == 2 else None,
            timeout_s=60,
            alive=lambda: None,
        )
        counter.begin(pids)
        counter.end(pids)
    finally:
        for process in processes.tree(child.pid):
            process.kill()
        child.communicate()


@needs_valgrind
def test_a_process_that_is_not_under_valgrind_is_an_error_that_names_it(tmp_path: Path) -> None:
    counter = counters.choose(tmp_path)
    with pytest.raises(TrialError, match=f"Process {os.getpid()} is not counted by callgrind"):
        counter.begin([os.getpid()])


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts scripts where programs are looked for; there is nothing else."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(**scripts: str) -> None:
        for name, script in scripts.items():
            path = folder / name
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)

    return put


NO_COUNTERS = """
while [ "$1" != --output ]; do shift; done
echo "<not supported>,,instructions:u,0,100.00,," > "$2"
"""


def can_perf() -> bool:
    """Whether perf may count here at all, be it only time."""
    command = ["perf", "stat", "--event", "task-clock", "true"]
    return bool(shutil.which("perf")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_perf(), reason="perf is not installed, or may not count")
def test_perf_counts_from_begin_to_end_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock stands for its counter of instructions, which few virtual machines have."""
    monkeypatch.setattr(counters, "PERF_EVENT", "task-clock")
    counter = Perf("perf version 6.1", tmp_path)
    worker = Worker(counter.wrap((sys.executable, "-c", WORKER)))
    try:
        counted = []
        for turns in (10_000_000, 1_000_000):
            counter.begin([worker.pid])
            worker.turn(turns)
            counted.append(counter.end([worker.pid]).total())
            worker.turn(5_000_000)
    finally:
        worker.end()
    assert counted[0] > counted[1] > 0


def test_perf_that_cannot_attach_is_an_error(tmp_path: Path, programs: Callable[..., None]) -> None:
    programs(perf="exit 1")
    with pytest.raises(TrialError, match="perf counted no instructions"):
        Perf("perf version 6.1", tmp_path).begin([1])


def test_a_processor_with_counters_is_read_by_perf_where_there_is_no_valgrind(
    programs: Callable[..., None], tmp_path: Path
) -> None:
    reads = NO_COUNTERS.replace("<not supported>", "1234")
    programs(perf=f'[ "$1" = --version ] && echo "perf version 6.1" && exit\n{reads}')
    counter = counters.choose(tmp_path)
    assert isinstance(counter, Perf)
    assert counter.version == "perf version 6.1"


@pytest.mark.parametrize("scripts", [{}, {"perf": NO_COUNTERS}, {"valgrind": "exit 1"}])
def test_a_machine_that_cannot_count_says_so_with_the_remedy(
    programs: Callable[..., None], tmp_path: Path, scripts: dict[str, str]
) -> None:
    programs(**scripts)
    with pytest.raises(CounterMissingError, match="apt install valgrind"):
        counters.choose(tmp_path)
