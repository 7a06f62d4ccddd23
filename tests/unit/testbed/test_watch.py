"""What ends a target in the middle, and what does not: who is named, who is killed, and how often anybody looks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.cells import Cell, Subject, make_cells
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.system import cgroup, linux, processes
from stackmatrix.testbed import watch
from stackmatrix.testbed.supervisor import API
from stackmatrix.testbed.watch import SubjectError, Watch

CELLS = make_cells(tuple(STACKS)[:2], PYTHONS[:1], ("fanout",))


@dataclass
class Circus:
    """What a watch asks of a supervisor; the process of each target has the number of its place."""

    folder: Path
    watchers: tuple[str, ...]
    gone: dict[str, str] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    pids: tuple[int, ...] = (1,)

    def why_gone(self, watcher: str) -> str | None:
        return self.gone.get(watcher)

    def pid(self, watcher: str) -> int:
        return self.watchers.index(watcher)

    def kill(self, watcher: str) -> None:
        self.killed.append(watcher)


class Bed:
    """A watch of two targets on a machine that a test makes up."""

    def __init__(self, folder: Path, subjects: list[Subject], monkeypatch: pytest.MonkeyPatch) -> None:
        self.first, self.second = subjects
        self.now_s, self.tasks, self.available = 0.0, 100, 50
        self.in_group: tuple[int, int] | None = None
        self.counts, self.resident = {1: 1, 2: 1}, {1: 10, 2: 30}
        self.circus = Circus(folder, (API, self.first.name, self.second.name))
        self.watch = Watch(self.circus, subjects, clock_s=lambda: self.now_s)  # type: ignore[arg-type]
        monkeypatch.setattr(linux, "tasks", lambda: self.tasks)
        monkeypatch.setattr(cgroup, "groups_of", lambda _: frozenset())
        self.circusd_is_up = True
        monkeypatch.setattr(processes, "is_running", lambda _: self.circusd_is_up)
        monkeypatch.setattr(cgroup, "memory_left", lambda _: self.in_group)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=self.available, total=100))
        monkeypatch.setattr(processes, "tree", lambda pid: [self.process(pid)] * self.counts[pid])

    def process(self, pid: int) -> SimpleNamespace:
        return SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=self.resident[pid]))

    def look(self) -> None:
        self.now_s += watch.PERIOD_S
        self.watch.look(discarded=False)


@pytest.fixture
def bed(tmp_path: Path, make_subject: Callable[[Cell], Subject], monkeypatch: pytest.MonkeyPatch) -> Bed:
    made = Bed(tmp_path, [make_subject(cell) for cell in CELLS], monkeypatch)
    made.look()
    return made


def test_a_target_that_has_ended_is_named_and_may_come_up_again_and_the_api_is_no_subject(bed: Bed) -> None:
    bed.circus.gone = {bed.second.name: "it ended"}
    with pytest.raises(SubjectError, match=r"^Under load, it ended\.$") as ended:
        bed.look()
    assert (ended.value.subject, ended.value.may_come_up) == (bed.second, True)
    bed.watch.look(discarded=True)
    bed.circus.gone = {API: "it ended"}
    with pytest.raises(TrialError) as gone:
        bed.watch.look(discarded=True)
    assert not isinstance(gone.value, SubjectError)
    # With circusd all targets end, none of them by itself.
    bed.circusd_is_up, bed.circus.gone = False, {bed.first.name: "it ended"}
    with pytest.raises(TrialError, match="circusd") as gone:
        bed.look()
    assert not isinstance(gone.value, SubjectError)


def test_a_log_without_an_end_ends_its_target_alone(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST_LOG_BYTES", 10)
    log = bed.circus.folder / f"{bed.first.name}.log"
    log.write_bytes(bytes(10))
    bed.look()
    log.write_bytes(bytes(11))
    with pytest.raises(SubjectError, match=r"Under load, the log of '\w+' reached 0 MB, and it was ended\.") as ended:
        bed.look()
    assert (ended.value.subject, ended.value.may_come_up) == (bed.first, False)
    assert bed.circus.killed == [bed.first.name]


def test_processes_are_counted_only_where_the_machine_has_many_more(bed: Bed) -> None:
    bed.counts[2] = watch.MOST_PROCESSES + 1
    bed.look()
    bed.tasks += watch.MANY_TASKS
    with pytest.raises(SubjectError, match=f"had started {watch.MOST_PROCESSES + 1} processes, and it was ended"):
        bed.look()
    assert bed.circus.killed == [bed.second.name]
    bed.counts[2] = watch.MOST_PROCESSES
    bed.look()


@pytest.mark.parametrize("whose", ["this machine", "its control group"])
def test_the_target_that_has_used_up_the_memory_is_ended_before_the_system_ends_another(bed: Bed, whose: str) -> None:
    if whose == "this machine":
        bed.available = 4
    else:
        bed.in_group = (4, 100)
    with pytest.raises(SubjectError, match=f"of memory that {whose} has, of which 0.0 were left") as ended:
        bed.look()
    assert ended.value.subject == bed.second
    assert bed.circus.killed == [bed.second.name]


def test_where_others_have_used_up_the_memory_no_target_is_ended_for_it(bed: Bed) -> None:
    bed.available, bed.resident = 4, {1: 10, 2: 24}
    bed.look()
    assert bed.circus.killed == []


def test_it_looks_once_a_second(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def tasks() -> int:
        asked.append(bed.now_s)
        return 100

    monkeypatch.setattr(linux, "tasks", tasks)
    for _ in range(8):
        bed.now_s += watch.PERIOD_S / 4
        bed.watch.look(discarded=False)
    assert len(asked) == 2


def test_a_target_that_is_starting_and_another_are_told_apart(bed: Bed) -> None:
    bed.available = 4
    bed.now_s += watch.PERIOD_S
    assert "of memory" in str(bed.watch.why(bed.second))
    bed.now_s += watch.PERIOD_S
    with pytest.raises(SubjectError) as ended:
        bed.watch.why(bed.first)
    assert ended.value.subject == bed.second
