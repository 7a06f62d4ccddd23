"""A summary has the numbers of valid blocks, pooled where they are pooled, in the order of the tables."""

import msgspec
import pytest

from stackmatrix.analysis.metrics import HOLDS
from stackmatrix.analysis.summary import CellSummary, summarize
from stackmatrix.matrix.cells import Cell
from stackmatrix.report.details import ramp_table
from stackmatrix.report.tables import holds, overview_table
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Result, Status
from tests.made_up import METASTABLE, cost_ms, held, make_results, unstopped


def row_of(results: list[Result], stack: str, python: str = "3.13") -> CellSummary:
    workload = summarize("m", results).workload("fanout_shared_client")
    assert workload is not None
    return next(row for row in workload.rows if (row.cell.stack, row.cell.python) == (stack, python))


SHARED = ("fanout_shared_client",)


def test_cells_stand_in_the_order_of_the_table_and_unknown_ones_after_them() -> None:
    results = make_results(("my_own", "uvicorn", "gunicorn_100_threads"), ("3.13", "3.12"), ("mine", *SHARED), blocks=3)
    machine = summarize("m", results)
    assert [workload.name for workload in machine.workloads] == [*SHARED, "mine"]
    shown = [(row.cell.stack, row.cell.python) for row in machine.workloads[0].rows]
    stacks = ("gunicorn_100_threads", "uvicorn", "my_own")
    assert shown == [(stack, python) for stack in stacks for python in ("3.12", "3.13")]


def test_controls_are_no_rows_and_skipped_cells_stand_apart() -> None:
    results = make_results(("uvicorn",), ("3.13",), SHARED)
    skipped = Cell(stack="uvicorn", python="3.14", workload=SHARED[0])
    results.append(Result(format_version=7, cell=skipped, status=Status(state="skipped", reason="not found")))
    (workload,) = summarize("m", results).workloads
    assert [row.cell.python for row in workload.rows] == ["3.13"]
    assert [row.cell for row in workload.skipped] == [skipped]
    assert workload.pythons == ("3.13",)


def test_what_a_cell_costs_is_the_geometric_mean_of_its_valid_blocks() -> None:
    results = make_results(("uvicorn",), ("3.13",), SHARED, blocks=4, planted=False)
    late = Finding(code="x", severity="invalid", sentence="It was late.")
    spoilt = msgspec.structs.replace(
        results[0].cost[0], validity="invalid", findings=(late,), cpu_ms_per_request=1e6, round=9
    )
    (one,) = summarize("m", [msgspec.structs.replace(results[0], cost=(*results[0].cost, spoilt))]).workloads[0].rows
    values = [block.cpu_ms_per_request for block in results[0].cost]
    product = 1.0
    for value in values:
        assert value is not None
        product *= value
    assert one.cpu is not None
    assert one.cpu.mid == pytest.approx(product ** (1 / 4))
    assert one.cpu.mid == pytest.approx(cost_ms(one.cell), rel=0.15)
    assert (one.cost_blocks, one.spoilt) == (4, 1)


def test_what_is_held_is_the_median_over_ramps_with_their_range_and_what_stopped_them() -> None:
    one = row_of(make_results(ramps=3), "gunicorn_100_threads")
    assert one.climb is not None
    assert one.climb.holds is not None
    assert one.climb.holds.n == one.climb.ramps == 3
    assert one.climb.holds.low <= one.climb.holds.mid <= one.climb.holds.high == pytest.approx(held(one.cell), rel=0.01)
    assert one.climb.limiter == "target-cpu"
    assert row_of(make_results(), "uwsgi_2_threads").climb.limiter == "slots"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("count", "told", "brief"),
    [
        (2, "not overloaded up to 60, the highest rate", "not overloaded up to 60"),
        (
            1,
            "in 1 of 2 ramps not overloaded up to 60, the highest rate",
            "in 1 of 2 ramps not overloaded up to 60",
        ),
    ],
)
def test_what_was_not_overloaded_up_to_the_highest_rate_is_said_in_words_and_compared_with_none(
    count: int, told: str, brief: str
) -> None:
    results = make_results(workloads=SHARED, seed=1)
    results = [
        msgspec.structs.replace(one, ramps=(*map(unstopped, one.ramps[:count]), *one.ramps[count:]))
        if (one.cell.stack, one.cell.python) == ("uvicorn", "3.13")
        else one
        for one in results
    ]
    one = row_of(results, "uvicorn")
    assert one.climb is not None
    assert (one.climb.holds, one.climb.unstopped) == (None, count)
    assert one.climb.highest == pytest.approx(59.7, abs=0.1)
    (workload,) = summarize("m", results).workloads
    family = workload.family(HOLDS)
    assert family is not None
    assert one.cell not in {cell for each in family.compared for cell in (each.cell, each.other)}
    assert (holds(one), holds(one, bare=True)) == (told, brief)
    assert told in ramp_table(workload).to_markdown()
    assert told in overview_table(summarize("m", results), workload).to_markdown()


def test_a_stack_that_does_not_come_back_is_told_from_one_that_does() -> None:
    results = make_results()
    never, soon = (row_of(results, stack).climb for stack in (METASTABLE, "gunicorn_gevent"))
    assert never is not None
    assert soon is not None
    assert (never.watched, never.came_back, never.back_s) == (2, 0, None)
    assert (soon.watched, soon.came_back) == (2, 2)
    assert soon.back_s is not None
    assert (soon.back_s.low, soon.back_s.high) == (2.0, 3.0)


def test_latency_is_pooled_over_ramps_and_has_percentiles_that_one_ramp_alone_has_not() -> None:
    results = make_results(ramps=5)
    one = row_of(results, "uvicorn")
    assert one.latency is not None
    assert (one.latency.ramps, one.latency.requests, one.latency.rate) == (5, 1000, 20.0)
    times = one.latency.times
    assert times.p95 is not None
    assert times.p99 is not None
    assert times.p50 < times.p95 < times.p99
    low, high = one.latency.intervals["p95"]
    assert low <= times.p95 <= high
    assert row_of(results, "uwsgi_2_threads").latency is None


def test_overhead_is_told_from_the_null_target_of_the_same_conditions_only() -> None:
    results = make_results(ramps=5)
    one = row_of(results, "uvicorn").latency
    assert one is not None
    assert {"p50", "p95"} <= set(one.overhead)
    overhead = one.overhead["p95"]
    # Its times are 602 ms and an exponential of 12 ms times 1.89, the null target's one of 0.5 ms.
    assert overhead.low is not None
    assert overhead.high is not None
    assert overhead.low <= overhead.ms <= overhead.high
    assert overhead.ms == pytest.approx(3.0 * (12 * 1.89 - 0.5), rel=0.4)
    workload = summarize("m", results).workload(SHARED[0])
    assert workload is not None
    assert workload.null is not None
    assert "null_target" not in workload.stacks
    is_null = [result.cell.control == "null" for result in results]
    elsewhere = msgspec.structs.replace(results[0].conditions.machine, kernel="Linux 5")  # type: ignore[union-attr]
    others = [
        msgspec.structs.replace(one, conditions=msgspec.structs.replace(one.conditions, machine=elsewhere))  # type: ignore[type-var]
        if null
        else one
        for one, null in zip(results, is_null, strict=True)
    ]
    for some in (others, [one for one in results if one.cell.control != "null"]):
        latency = row_of(some, "uvicorn").latency
        assert latency is not None
        assert latency.overhead == {}


@pytest.mark.parametrize("name", ["slow_tail", "api_errors"])
def test_no_overhead_is_told_of_delays_and_failures_that_are_drawn(name: str) -> None:
    machine = summarize("m", make_results(("uvicorn",), ("3.13",), (name,), ramps=5))
    (workload,) = machine.workloads
    assert workload.null is None
    assert [row.latency.overhead for row in workload.rows if row.latency] == [{}]


def test_a_void_workload_is_named_with_its_reason_and_its_clients_are_not_compared() -> None:
    machine = summarize("m", make_results(blocks=5, found=False))
    assert set(machine.void) == {"fanout", "fanout_shared_client"}
    assert [workload.void for workload in machine.workloads] == [machine.void[one.name] for one in machine.workloads]
    assert machine.causes == ()


def test_nothing_measured_is_no_machine_and_no_failure() -> None:
    failed = Cell(stack="uvicorn", python="3.13", workload="fanout")
    machine = summarize("m", [Result(format_version=7, cell=failed, status=Status(state="failed", reason="gone"))])
    assert machine.machine is None
    assert (machine.workloads[0].reference, machine.workloads[0].pythons) == (None, ())
