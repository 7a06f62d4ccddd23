"""What is known of pages before they are measured: which stack is looked at, and the rate that earlier runs had."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from stackmatrix.errors import StackmatrixError, SupervisorError, TrialError
from stackmatrix.matrix.cells import Cell, Subject
from stackmatrix.measurements import first_look
from stackmatrix.measurements.first_look import FirstLook, kept_rate, look
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.results.ramps import Ramp
from stackmatrix.system.cores import Layout
from tests.made_up import make_ramp

FOUND = FirstLook({"/": 12.0}, 50.0)


@pytest.fixture
def subjects(make_subject: Callable[[Cell], Subject]) -> list[Subject]:
    return [make_subject(Cell(stack=name, python="3.13", workload="fanout")) for name in ("uvicorn", "gunicorn_gevent")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, subjects: Sequence[Subject]) -> Callable[..., list[str]]:
    """Looks at subjects of which the first ones do not serve; returns whose turn it was."""

    def ask(*errors: StackmatrixError) -> list[str]:
        turns: list[str] = []

        def one(subject: Subject, *_: object) -> FirstLook:
            turns.append(subject.cell.stack)
            if len(turns) <= len(errors):
                raise errors[len(turns) - 1]
            return FOUND

        monkeypatch.setattr(first_look, "_look", one)
        assert look(subjects, Layout((), (), (), ()), lambda _: None) == FOUND
        return turns

    return ask


def test_the_first_that_serves_is_looked_at_and_no_other(asked: Callable[..., list[str]]) -> None:
    assert asked() == ["uvicorn"]
    assert asked(TrialError("it answers 500")) == ["uvicorn", "gunicorn_gevent"]
    assert asked(SupervisorError("it had to be killed")) == ["uvicorn", "gunicorn_gevent"]


def test_where_none_serves_it_is_said_why_the_first_did_not(asked: Callable[..., list[str]]) -> None:
    with pytest.raises(TrialError, match=r"^it answers 500$"):
        asked(TrialError("it answers 500"), SupervisorError("it had to be killed"))


@pytest.fixture
def ramp(result: Result) -> Ramp:
    made = make_ramp(result.cell, result.runs[0].id, 0, random.Random(1))
    assert made.reference is not None
    return made


def write(folder: Path, result: Result, machine: str, *ramps: Ramp) -> None:
    store.write_result(folder, machine, msgspec.structs.replace(result, ramps=ramps))


def test_latency_is_compared_at_the_rate_that_it_had_last(tmp_path: Path, result: Result, ramp: Ramp) -> None:
    assert ramp.reference is not None
    last = msgspec.structs.replace(ramp, round=1, reference=msgspec.structs.replace(ramp.reference, rate=200.0))
    without = msgspec.structs.replace(ramp, round=2, reference=None)
    write(tmp_path, result, "here", ramp, last, without)
    assert kept_rate(tmp_path, "here", {result.cell.workload, "pages"}) == 200.0


def test_a_rate_of_another_machine_workload_or_kind_of_measurement_is_none(
    tmp_path: Path, result: Result, ramp: Ramp
) -> None:
    assert kept_rate(tmp_path / "none", "here", {result.cell.workload}) is None
    write(tmp_path, result, "here")
    write(tmp_path, result, "there", ramp)
    assert kept_rate(tmp_path, "here", {result.cell.workload}) is None
    assert kept_rate(tmp_path, "there", {"pages"}) is None
    assert kept_rate(tmp_path, "there", {result.cell.workload}) is not None


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path, result: Result, ramp: Ramp) -> None:
    write(tmp_path, result, "here", ramp)
    broken = tmp_path / "here" / "another" / "stack" / "3.13.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    assert kept_rate(tmp_path, "here", {result.cell.workload}) is not None
