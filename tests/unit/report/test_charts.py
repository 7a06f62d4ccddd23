"""How charts tell stacks apart, and that they show what is in the results and nothing else."""

import msgspec
import pytest

from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import charts, svg
from tests import made_up


@pytest.fixture(scope="module")
def machine() -> MachineSummary:
    return summarize("a-machine", made_up.make_results())


def test_no_two_of_many_stacks_look_alike() -> None:
    names = [*STACKS, *(f"stack_{number}" for number in range(90 - len(STACKS)))]
    looks = charts.looks(names)
    assert len(set(looks.values())) == len(names)
    assert len({colour for colour, _ in list(looks.values())[:10]}) == 10


def test_a_stack_looks_the_same_whatever_else_was_measured() -> None:
    every, last = list(STACKS), list(STACKS)[-1]
    assert charts.looks([last])[last] == charts.looks(every)[last]


def test_the_newest_python_is_a_plain_line() -> None:
    dashes = charts.dashes(["3.9", "3.14", "3.13"])
    assert dashes["3.14"] == (1, 0)
    assert len(set(dashes.values())) == 3


def test_each_workload_of_a_machine_has_a_chart_of_its_costs_and_one_of_its_ramps(machine: MachineSummary) -> None:
    assert set(charts.static_charts([machine])) == {
        f"a-machine/{workload}-{kind}.svg"
        for workload in ("fanout", "fanout_shared_client")
        for kind in ("cost", "ramp")
    }


def test_what_was_not_measured_has_no_chart() -> None:
    results = [msgspec.structs.replace(one, ramps=(), cost=()) for one in made_up.make_results()]
    assert charts.static_charts([summarize("a-machine", results)]) == {}


def test_bars_are_the_values_of_the_family_without_its_controls(machine: MachineSummary) -> None:
    family = machine.workloads[0].family(COST)
    assert family is not None
    assert any(cell.control for cell in family.values), "else nothing is left out"
    rows = charts.value_rows(family)
    assert {(row["stack"], row["python"]): (row["low"], row["mid"], row["high"]) for row in rows} == {
        (cell.stack, cell.python): (value.low, value.mid, value.high)
        for cell, value in family.values.items()
        if cell.control is None
    }


def test_the_chart_of_ramps_has_one_panel_a_stack_with_every_second_and_the_drop(machine: MachineSummary) -> None:
    workload = machine.workloads[0]
    spec = charts.ramp_chart([row.result for row in workload.rows])
    assert spec is not None
    rows = spec["datasets"]["ramps"]
    assert {row["panel"] for row in rows} == {f"{stack}, 3.13" for stack in workload.stacks}
    (ramp, *_) = next(row.result.ramps for row in workload.rows if row.result.ramps)
    assert ramp.seconds is not None
    first = [row for row in rows if row["panel"] == rows[0]["panel"]]
    assert [row["offered"] for row in first if "drops" not in row] == list(ramp.seconds.offered)
    assert [row["second"] for row in first if "drops" in row] == [ramp.seconds.dropped_s]


def test_a_ramp_that_does_not_count_is_not_drawn(machine: MachineSummary) -> None:
    rows = [row.result for row in machine.workloads[0].rows]
    spoilt = [
        msgspec.structs.replace(
            one, ramps=tuple(msgspec.structs.replace(ramp, validity="invalid") for ramp in one.ramps)
        )
        for one in rows
    ]
    assert charts.ramp_chart(rows) is not None
    assert charts.ramp_chart(spoilt) is None


def test_every_chart_can_be_drawn_and_has_the_colours_of_its_stacks(machine: MachineSummary) -> None:
    for spec in charts.static_charts([machine]).values():
        drawn = svg.draw(spec)
        for stack in machine.workloads[0].stacks:
            assert charts.looks([stack])[stack][0].lower() in drawn.lower()
            assert stack in drawn
