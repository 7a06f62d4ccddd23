"""Searches that are made up: what each block is told, what is written, and what a cell that fails keeps."""

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from stackmatrix.errors import ResultFileError
from stackmatrix.matrix import cells
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import rate_at
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.capacity import runner as capacity_runner
from stackmatrix.measurements.capacity.runner import CapacityOrder, CapacityRunner, sustain
from stackmatrix.measurements.capacity.search import Bracket
from stackmatrix.measurements.capacity.trial import CapacityPlan
from stackmatrix.results import store
from stackmatrix.results.capacity import Objective, Probe, Scouted
from stackmatrix.results.model import Environment, Result
from stackmatrix.results.types import Limiter, PythonBuild, Validity
from stackmatrix.system import ports
from stackmatrix.testbed import environments
from stackmatrix.testbed.environments import TargetEnvironment
from stackmatrix.testbed.targetbench import Conditions

FIRST, SECOND = list(STACKS)[:2]
CELLS = cells.make_cells((FIRST, SECOND), PYTHONS[:1], ("fanout",))
ENVIRONMENT = Environment(
    python=PythonBuild(version="3.12.1", implementation="CPython", compiler="GCC", optimised=True, gil=True),
    packages={"django": "6"}, lock_sha256="0", command=("serve",), variables={},
)  # fmt: skip
LONGEST_S = 7.0


def make_probe(
    step: int, *, met: bool, block: int | None = 0, bound: Limiter = "target-cpu", validity: Validity = "valid"
) -> Probe:
    return Probe(
        block=block, rate=rate_at(step), window_s=10.0, requests=100, failures={}, throughput_rps=10.0, p99_ms=None,
        cpu_share=0.5, ended="decided", bound=bound, validity=validity, findings=(),
        objectives=(Objective(slo_ms=750.0, requests=100, late=0, met=met, sure=True),),
    )  # fmt: skip


@pytest.fixture
def brackets() -> dict[tuple[str, int | None], dict[float, Bracket] | str]:
    """What each trial finds, by stack and block, or why it fails."""
    return {}


@pytest.fixture
def made(
    brackets: dict[tuple[str, int | None], dict[float, Bracket] | str], monkeypatch: pytest.MonkeyPatch
) -> list[CapacityPlan]:
    """The plans of all trials, which are made up; all cells are installed."""
    plans: list[CapacityPlan] = []

    class MadeUp:
        def __init__(
            self, one: CapacityPlan, _env: TargetEnvironment, _conditions: Conditions, show: Callable[[str], None]
        ) -> None:
            show("made up")
            plans.append(one)
            found = brackets.get((one.cell.stack, one.block), {750.0: Bracket(10, 11)})
            self.scouted = [Scouted(users=10, throughput_rps=5.0)] if one.starts is None else []
            self.probes = [make_probe(10, met=True, block=one.block), make_probe(11, met=False, block=one.block)]
            self.brackets = {} if isinstance(found, str) else found
            self.failure = found if isinstance(found, str) else None
            self.environment = ENVIRONMENT

        def run(self) -> None:
            pass

    installed = {(name, PYTHONS[0]): TargetEnvironment(name, PYTHONS[0], Path("/no"), "0") for name in (FIRST, SECOND)}
    monkeypatch.setattr(environments, "installed", lambda: installed)
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)
    monkeypatch.setattr(capacity_runner, "CapacityTrial", MadeUp)
    return plans


def make_runner(folder: Path, *cells: Cell, blocks: int = 2) -> CapacityRunner:
    order = CapacityOrder(cells or CELLS, blocks, 1, LONGEST_S, folder, machine_name="m")
    return CapacityRunner(order, Console(file=io.StringIO()))


def read(folder: Path, cell: Cell) -> Result:
    return store.read_result(store.path_of(folder, "m", cell), "name")


def test_every_cell_is_searched_and_then_confirmed_in_blocks_from_where_its_search_ended(
    tmp_path: Path, made: list[CapacityPlan], brackets: dict[tuple[str, int | None], dict[float, Bracket] | str]
) -> None:
    brackets[FIRST, None] = {750.0: Bracket(20, 21), 660.0: Bracket(None, 0), 900.0: Bracket(20, 24)}
    runner = make_runner(tmp_path)
    runner.run()
    assert [(one.cell, one.block, one.starts) for one in made[:2]] == [(cell, None, None) for cell in CELLS]
    assert len({one.seed for one in made[:2]}) == 1
    assert sorted((one.cell, one.block) for one in made[2:]) == sorted(
        (cell, block) for cell in CELLS for block in range(2)
    )
    # A bracket that stayed open is a place to start, too, and the lowest rate is one for what never passed.
    assert next(one.starts for one in made[2:] if one.cell == CELLS[0]) == {750.0: 20, 660.0: 0, 900.0: 20}
    assert {one.longest_s for one in made} == {LONGEST_S}
    held = read(tmp_path, CELLS[0]).capacity
    assert held is not None
    assert (held.python, held.lock_sha256, held.failure) == (ENVIRONMENT.python, "0", None)
    assert len(held.probes) == 6
    assert held.scouted == (Scouted(users=10, throughput_rps=5.0),)
    by_slo = {one.slo_ms: one for one in held.sustained}
    assert (by_slo[750.0].state, by_slo[750.0].blocks) == ("found", (rate_at(10),) * 2)
    assert by_slo[1200.0].state == "undecided"
    assert runner.failed == []


def test_what_was_measured_of_the_cell_stays(tmp_path: Path, made: list[CapacityPlan], result: Result) -> None:
    before = msgspec.structs.replace(result, cell=CELLS[0], format_version=3, environment=ENVIRONMENT)
    store.write_result(tmp_path, "m", before)
    make_runner(tmp_path, CELLS[0]).run()
    after = read(tmp_path, CELLS[0])
    assert after.capacity is not None
    assert msgspec.structs.replace(after, capacity=None, format_version=3) == before
    assert len(made) == 3


def test_a_cell_that_fails_keeps_its_reason_and_is_not_tried_again_and_the_others_go_on(
    tmp_path: Path, made: list[CapacityPlan], brackets: dict[tuple[str, int | None], dict[float, Bracket] | str]
) -> None:
    brackets[FIRST, 0] = "it fell over"
    runner = make_runner(tmp_path)
    runner.run()
    assert [one.block for one in made if one.cell == CELLS[0]] == [None, 0]
    assert [one.block for one in made if one.cell == CELLS[1]] == [None, 0, 1]
    failed = read(tmp_path, CELLS[0]).capacity
    assert failed is not None
    assert (failed.failure, len(failed.probes)) == ("it fell over", 4)
    assert runner.failed == [CELLS[0]]


@pytest.mark.usefixtures("made")
def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = store.path_of(tmp_path, "m", CELLS[1])
    path.parent.mkdir(parents=True)
    path.write_text("perhaps of a newer format", encoding="utf-8")
    with pytest.raises(ResultFileError, match=f"{PYTHONS[0]}.json is not a result file"):
        make_runner(tmp_path).run()
    assert path.read_text(encoding="utf-8") == "perhaps of a newer format"


def test_blocks_give_a_median_with_an_interval_and_the_bound_that_was_nearest() -> None:
    lasts = (10, 11, 11, 12, 12, 14)
    probes = [make_probe(last + 1, met=False, bound="slots" if last == 14 else "target-cpu") for last in lasts]
    held = sustain(750.0, [Bracket(last, last + 1) for last in lasts], probes)
    assert held.state == "found"
    assert held.blocks == tuple(map(rate_at, lasts))
    assert held.last_pass == pytest.approx((rate_at(11) + rate_at(12)) / 2)
    assert held.first_fail == pytest.approx((rate_at(12) + rate_at(13)) / 2)
    assert held.low is not None
    assert held.high is not None
    assert held.last_pass is not None
    assert rate_at(10) <= held.low < held.last_pass < held.high <= rate_at(14)
    assert held.limiter == "target-cpu"


def test_fewer_than_six_blocks_have_no_interval() -> None:
    held = sustain(750.0, [Bracket(10, 11)] * 5, [])
    assert (held.state, held.last_pass, held.low, held.limiter) == ("found", rate_at(10), None, None)


def test_a_stack_that_never_passes_is_shown_as_such() -> None:
    held = sustain(750.0, [Bracket(None, 0)] * 6, [make_probe(0, met=False, bound="slots")])
    assert (held.state, held.last_pass, held.first_fail, held.blocks) == ("never", None, rate_at(0), (0.0,) * 6)
    assert held.limiter == "slots"


def test_a_block_whose_bracket_stayed_open_does_not_count() -> None:
    held = sustain(750.0, [Bracket(10, 13), Bracket(None, None), Bracket(9, 10), None], [])
    assert held.blocks == (None, None, rate_at(9), None)
    assert (held.told, held.last_pass) == ((rate_at(9),), rate_at(9))
    assert sustain(750.0, [Bracket(10, 13)], []).state == "undecided"


def test_an_invalid_probe_names_no_bound() -> None:
    probes = [make_probe(11, met=False, bound="generator", validity="invalid")]
    assert sustain(750.0, [Bracket(10, 11)], probes).limiter is None
