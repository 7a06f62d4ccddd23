"""What a workload reckons with: its floor where it has one, else the time of a response without load."""

from dataclasses import replace
from statistics import fmean

import pytest

from slow_api import law
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.ramp import plan_ramp
from stackmatrix.matrix.workloads import LEAST_UNLOADED_MS, WORKLOADS, Workload, late_beyond, one_page

OWN = Workload("own", "", (Page("a", "/a/", 3.0), Page("b", "/b/")), (), calls_known=False)


@pytest.mark.parametrize(("unloaded_ms", "late"), [(600, 750), (400, 500), (300, 400), (5, 105)])
def test_a_response_is_late_by_a_quarter_or_by_what_people_notice(unloaded_ms: float, late: float) -> None:
    assert late_beyond(unloaded_ms) == late


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_declared_delays_are_what_a_response_takes_without_load(workload: Workload) -> None:
    delays_ms = workload.delays_ms
    if delays_ms and workload.answers != "tail":
        floor_ms = sum(delays_ms) if workload.order == "in sequence" else max(delays_ms)
        assert workload.unloaded_ms == workload.floor_ms == floor_ms
        assert workload.late_ms_by_page == (late_beyond(floor_ms),)
        assert workload.answered_ms == max(2 * floor_ms, late_beyond(floor_ms))


def drawn_ms(workload: Workload) -> list[float]:
    """What pages take whose calls are drawn with a long tail, upwards."""
    return sorted(
        max(law.meant("tail", str(number), ms).takes_ms for ms in workload.delays_ms) for number in range(5000)
    )


def test_nearly_all_of_a_long_tail_is_no_later_than_what_is_called_late() -> None:
    workload = WORKLOADS["slow_tail"]
    pages_ms, (late_ms,) = drawn_ms(workload), workload.late_ms_by_page
    assert pages_ms[0] >= workload.floor_ms
    assert pages_ms[4850] < late_ms < pages_ms[-1]


@pytest.mark.parametrize("ms", [None, 20], ids=["its own delays", "others"])
def test_slots_and_queues_go_by_what_a_long_tail_takes_on_average(ms: int | None) -> None:
    workload = WORKLOADS["slow_tail"] if ms is None else WORKLOADS["slow_tail"].with_delays(ms)
    assert workload.unloaded_ms == pytest.approx(fmean(drawn_ms(workload)), rel=0.02)


def test_what_was_measured_of_pages_counts_by_their_weights_and_late_is_each_by_its_own() -> None:
    measured = OWN.with_measured({"a": 20.0, "b": 1500.0})
    assert (measured.unloaded_ms, measured.floor_ms) == (390.0, 0)
    assert measured.unloaded_ms_by_page == (20.0, 1500.0)
    assert (measured.first_page_ms, OWN.first_page_ms) == (20.0, OWN.unloaded_ms)
    assert measured.late_ms_by_page == (120.0, 1875.0)
    assert measured.pages == OWN.pages


def test_what_takes_longest_has_come_where_there_is_no_overload() -> None:
    assert OWN.with_measured({"a": 20.0, "b": 1500.0}).answered_ms == 3000.0
    assert OWN.with_measured({"a": 20.0, "b": 30.0}).answered_ms == 130.0


@pytest.mark.parametrize("workload", [OWN, OWN.with_measured({"a": 0.0, "b": 0.1})], ids=["not measured", "at once"])
def test_nothing_is_divided_by_a_time_that_is_not_there(workload: Workload) -> None:
    assert workload.unloaded_ms == LEAST_UNLOADED_MS > 0
    assert LoadLevel("closed", 4).offered_rps(workload.unloaded_ms) == 4 / (LEAST_UNLOADED_MS / 1000)
    plan = plan_ramp(workload.compare_rate, workload.unloaded_ms / 1000, 2, PROFILES["answer"].ramp)
    assert plan.reference is not None


def test_a_workload_is_a_key_whatever_its_pages_expect() -> None:
    listed = replace(OWN, pages=(Page("a", "/a/", expect=Expectation(json=(("results", []),))),))
    assert {OWN: 1, listed: 2}[listed] == 2


def test_other_delays_are_in_the_address_of_every_page() -> None:
    slower = Workload("w", "", (*one_page("/a/"), *one_page("/b/")), (300, 600, 150)).with_delays(20)
    assert [page.path for page in slower.pages] == ["/a/20/", "/b/20/"]
    assert slower.delays_ms == (20, 40, 10)
