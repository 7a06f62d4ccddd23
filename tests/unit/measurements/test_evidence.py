"""What is added to a cell's file, what stands beside it, and what is replaced because it was made otherwise."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.measurements.evidence import Evidence, Replaced, in_words
from stackmatrix.results import store, writing
from stackmatrix.results.conditions import PROTOCOL, Conditions, Environment, Machine
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.model import Result, Run, Status

CELL = Cell(stack="uvicorn", python="3.12", workload="fanout")
OTHER = Cell(stack="uvicorn", python="3.13", workload="fanout")

type Open = Callable[..., tuple[Evidence, list[str]]]


@pytest.fixture
def open_evidence(
    tmp_path: Path, conditions: Conditions, result: Result, make_subject: Callable[[Cell], Subject]
) -> Open:
    """The evidence of a run with some id on a machine; and what it says of earlier evidence that it cannot use."""

    def open_(run: str = "later", cells: tuple[Cell, ...] = (CELL,), **changed: Any) -> tuple[Evidence, list[str]]:
        machine: Machine = msgspec.structs.replace(conditions.machine, **changed.pop("machine", {}))
        lock = changed.pop("tool_lock_sha256", conditions.tool_lock_sha256)
        later: Run = msgspec.structs.replace(result.runs[0], id=run)
        evidence = Evidence(tmp_path, "m", machine, lock, later)
        return evidence, list(in_words(evidence.open({cell: make_subject(cell) for cell in cells})))

    return open_


@pytest.fixture
def measured(open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment) -> None:
    """Two blocks of one run in the cell's file."""
    evidence, said = open_evidence("earlier")
    assert said == []
    for round_ in range(2):
        evidence.add(CELL, make_cost(run="earlier", round_=round_), environment, cost_rate=3.5)
        evidence.write()


def read(folder: Path, cell: Cell = CELL) -> Result:
    return store.read_result(store.path_of(folder, "m", cell), "file")


@pytest.mark.usefixtures("measured")
def test_a_later_run_under_the_same_conditions_adds_its_blocks(
    tmp_path: Path, open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment
) -> None:
    evidence, said = open_evidence()
    assert said == []
    assert evidence.cost_rate("fanout") == 3.5
    assert evidence.add(CELL, make_cost(run="later"), environment, cost_rate=3.5) == ()
    evidence.write()
    assert [block.key for block in read(tmp_path).cost] == [("earlier", 0, 0), ("earlier", 1, 0), ("later", 0, 0)]
    assert [run.id for run in read(tmp_path).runs] == ["earlier", "later"]


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "kernel": ({"machine": {"kernel": "Linux 7"}}, "the kernel (Linux 6 → Linux 7)"),
    "pinning": ({"machine": {"pinning": None}}, "the pinning"),
    "processor": ({"machine": {"cpu_id": "25-1-1"}}, "the processor (A processor → A processor 25-1-1)"),
    "tool environment": ({"tool_lock_sha256": "cd"}, "the tool environment"),
}


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("what", CHANGED)
def test_under_other_conditions_they_are_named_beforehand_and_the_file_stays_until_the_first_block(
    tmp_path: Path, open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment, what: str
) -> None:
    changed, words = CHANGED[what]
    before = read(tmp_path)
    evidence, said = open_evidence(**changed)
    assert said == [f"{CELL}: 2 blocks were made under other conditions ({words})."]
    assert read(tmp_path) == before
    evidence.add(CELL, make_cost(run="later"), environment, cost_rate=4.5)
    evidence.write()
    assert [block.run for block in read(tmp_path).cost] == ["later"]
    assert [run.id for run in read(tmp_path).runs] == ["later"]


@pytest.mark.usefixtures("measured")
def test_another_lock_file_is_named_beforehand(tmp_path: Path, open_evidence: Open) -> None:
    earlier = read(tmp_path)
    assert earlier.conditions is not None
    other = msgspec.structs.replace(earlier.conditions.environment, lock_sha256="another")
    conditions = msgspec.structs.replace(earlier.conditions, environment=other)
    store.write_result(tmp_path, "m", msgspec.structs.replace(earlier, conditions=conditions))
    _, said = open_evidence()
    assert said == [f"{CELL}: 2 blocks were made under other conditions (the packages)."]


@pytest.mark.usefixtures("measured")
def test_what_only_the_running_target_tells_replaces_when_it_is_told(
    tmp_path: Path, open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment
) -> None:
    evidence, said = open_evidence()
    assert said == []
    static = msgspec.structs.replace(environment, python=msgspec.structs.replace(environment.python, shared=True))
    assert evidence.add(CELL, make_cost(run="later"), static, cost_rate=3.5) == ("the Python",)
    evidence.write()
    assert [block.run for block in read(tmp_path).cost] == ["later"]


@pytest.mark.usefixtures("measured")
def test_only_cells_that_were_asked_as_often_stay_together(
    open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment
) -> None:
    third = msgspec.structs.replace(CELL, stack="gunicorn_gevent")
    first, _ = open_evidence("another", (OTHER, third))
    for cell in (OTHER, third):
        first.add(cell, make_cost(run="another"), environment, cost_rate=12.0)
    first.write()
    evidence, said = open_evidence("later", (CELL, OTHER, third))
    assert said == [
        f"{CELL}: 2 blocks were made under other conditions (the arrivals per second at each cell (3.5 → 12))."
    ]
    assert evidence.results.keys() == {OTHER, third}
    assert evidence.cost_rate("fanout") == 12.0


@pytest.mark.usefixtures("measured")
def test_a_failure_leaves_the_evidence_there_is(tmp_path: Path, open_evidence: Open) -> None:
    evidence, _ = open_evidence()
    before = read(tmp_path)
    evidence.fail(CELL, Status(state="failed", reason="it fell over"))
    evidence.write()
    unstable = Status(state="unstable", reason="it fell over")
    assert read(tmp_path) == msgspec.structs.replace(before, status=unstable)


def test_a_cell_that_comes_up_after_it_did_not_is_unstable(
    tmp_path: Path, open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment
) -> None:
    evidence, _ = open_evidence()
    evidence.fail(CELL, Status(state="failed", reason="it fell over"))
    evidence.write()
    evidence.add(CELL, make_cost(run="later"), environment, cost_rate=3.5)
    evidence.write()
    assert read(tmp_path).status == Status(state="unstable", reason="it fell over")
    assert len(read(tmp_path).cost) == 1


@pytest.mark.usefixtures("measured")
def test_a_failure_leaves_alone_what_was_made_under_other_conditions(tmp_path: Path, open_evidence: Open) -> None:
    before = read(tmp_path)
    evidence, _ = open_evidence(tool_lock_sha256="cd")
    evidence.fail(CELL, Status(state="failed", reason="it fell over"))
    evidence.write()
    assert read(tmp_path) == before


def test_a_cell_that_was_never_measured_says_why(tmp_path: Path, open_evidence: Open) -> None:
    evidence, _ = open_evidence()
    evidence.fail(CELL, Status(state="failed", reason="it fell over"))
    evidence.write()
    assert read(tmp_path).status == Status(state="failed", reason="it fell over")
    assert (read(tmp_path).blocks, read(tmp_path).conditions) == ((), None)


def test_cells_for_which_the_same_has_changed_are_told_together() -> None:
    others = [Cell(stack=f"s{number}", python="3.12", workload="fanout") for number in range(8)]
    every = [Replaced(one, 5, ("the packages",)) for one in others]
    together, alone = in_words([*every, Replaced(CELL, 1, ("the kernel", "the packages"))])
    assert together.startswith("s0 on 3.12, s1 on 3.12, s2 on 3.12, s3 on 3.12 and 4 more: 40 blocks were made under ")
    assert alone == f"{CELL}: 1 block was made under other conditions (the kernel, the packages)."


@pytest.mark.usefixtures("measured")
def test_blocks_of_another_way_of_measuring_are_replaced(tmp_path: Path, open_evidence: Open) -> None:
    earlier = read(tmp_path)
    assert earlier.conditions is not None
    older = msgspec.structs.replace(earlier.conditions, protocol=PROTOCOL + 1)
    store.write_result(tmp_path, "m", msgspec.structs.replace(earlier, conditions=older))
    _, said = open_evidence()
    assert said == [
        f"{CELL}: 2 blocks were made under other conditions (the way of measuring ({PROTOCOL + 1} → {PROTOCOL}))."
    ]


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_measured(tmp_path: Path, open_evidence: Open) -> None:
    path = store.path_of(tmp_path, "m", CELL)
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ResultFileError, match="is not a result file"):
        open_evidence()
    assert path.read_text(encoding="utf-8") == "{"


@pytest.mark.usefixtures("measured")
def test_what_cannot_be_written_where_it_belongs_is_kept_elsewhere_and_said(
    tmp_path: Path,
    open_evidence: Open,
    make_cost: Callable[..., CostBlock],
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evidence, _ = open_evidence()
    evidence.add(CELL, make_cost(run="later"), environment, cost_rate=3.5)
    write_together = writing.write_together

    def full(*_: object) -> None:
        raise ResultsFolderError("/results/a.json cannot be written (No space left on device): mend that.")

    monkeypatch.setattr(writing, "write_together", full)
    with pytest.raises(ResultsFolderError) as failed:
        evidence.write()
    said = re.fullmatch(
        r"/results/a.json cannot be written \(No space left on device\)\. The last block is kept in (\S+): mend that, "
        rf"copy it to where it belongs \(cp -R \1/\. {re.escape(str(tmp_path))}\), and run again\.",
        str(failed.value),
    )
    assert said
    assert len(read(tmp_path).cost) == 2
    shutil.copytree(said[1], tmp_path, dirs_exist_ok=True)
    shutil.rmtree(said[1])
    assert len(read(tmp_path).cost) == 3
    monkeypatch.setattr(writing, "write_together", write_together)
    evidence.write()  # it was not forgotten
    assert len(read(tmp_path).cost) == 3


def test_a_file_that_somebody_has_removed_meanwhile_is_written_again(
    tmp_path: Path, open_evidence: Open, make_cost: Callable[..., CostBlock], environment: Environment
) -> None:
    evidence, _ = open_evidence()
    evidence.add(CELL, make_cost(run="later"), environment, cost_rate=3.5)
    evidence.write()
    shutil.rmtree(tmp_path / "m")
    evidence.write()
    assert len(read(tmp_path).cost) == 1
