"""Only what belongs together is compared: trials of one run, block by block, valid levels, declared pairs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from stackmatrix.analysis.comparison.comparability import refuse
from stackmatrix.analysis.comparison.compare import Family, compare_results, imprecise
from stackmatrix.analysis.metrics import COMPARE_USERS, metrics_of
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.objectives import HEADLINE_MS, rate_at
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.report import words as in_words
from stackmatrix.results.capacity import Capacity, SloCapacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.levels import Level, OverheadMs, TargetUse
from stackmatrix.results.model import FORMAT_VERSION, Result, Status
from stackmatrix.results.trials import Trial

OTHER = next(name for name in STACKS if name != REFERENCE_STACK)
SHARED = "fanout_shared_client"
RATE = WORKLOADS[SHARED].compare_rate
WOBBLE = (0.0, 0.01, -0.01, 0.005, -0.005, 0.0)

type MakeResult = Callable[..., Result]


def closed(users: int, rps: float, cpu_ms: float, *, validity: str = "valid") -> Level:
    return Level(
        model="closed", users=users, rate=None, window_s=12, validity=validity, limiter="users", findings=(),  # type: ignore[arg-type]
        throughput_rps=rps, target=use(cpu_ms),
    )  # fmt: skip


def limited(rps: float, limiter: str) -> Level:
    return msgspec.structs.replace(closed(50, rps, 9), limiter=limiter)


def opened(rate: float, p95_ms: float | None, cpu_ms: float) -> Level:
    return Level(
        model="open", users=None, rate=rate, window_s=12, validity="valid", limiter="users", findings=(),
        throughput_rps=rate, target=use(cpu_ms), overhead_ms=OverheadMs(p50=1, p95=p95_ms, p99=None),
    )  # fmt: skip


def use(cpu_ms: float) -> TargetUse:
    return TargetUse(
        cpu_ms_per_request=cpu_ms, instructions_per_request=None, cpu_share=0.1, rss_bytes_peak=50_000_000,
        threads_peak=1, fds_peak=1, context_switches=None,
    )  # fmt: skip


def make_trials(*levels: Sequence[Level]) -> tuple[Trial, ...]:
    return tuple(
        Trial(block=block, order=0, seed=1, started="", duration_s=1, load_s=1, levels=tuple(one))
        for block, one in enumerate(levels)
    )


def at_cpu(middle: float) -> tuple[Trial, ...]:
    """Six blocks of a cell that costs so much CPU, more or less."""
    return make_trials(*([closed(COMPARE_USERS, 16, middle * (1 + wobble))] for wobble in WOBBLE))


@pytest.fixture
def make(result: Result) -> MakeResult:
    of_result = result.run
    assert of_result is not None

    def make(stack: str, python: str, trials: Sequence[Trial], run: str = "one", *, twin: bool = False) -> Result:
        cell = Cell(stack=stack, python=python, workload=SHARED, twin=twin)
        return Result(
            format_version=FORMAT_VERSION, run=msgspec.structs.replace(of_result, id=run, started=run),
            cell=cell, status=Status(state="ok"), machine=result.machine, environment=None, trials=tuple(trials),
        )  # fmt: skip

    return make


def family(results: Sequence[Result], name: str = "cpu") -> Family:
    (found,) = (one for one in compare_results(results) if one.metric.name == name)
    return found


def words(one: Family) -> dict[tuple[str, str, str, str], str]:
    return {
        (each.cell.stack, each.cell.python, each.other.stack, each.other.python): each.verdict.word
        for each in one.compared
    }


def test_each_stack_is_compared_with_the_reference_stack_and_with_the_python_before(make: MakeResult) -> None:
    results = [
        make(OTHER, "3.9", at_cpu(12)), make(REFERENCE_STACK, "3.9", at_cpu(10)),
        make(OTHER, "3.10", at_cpu(12)), make(REFERENCE_STACK, "3.10", at_cpu(8)), make(OTHER, "3.12", at_cpu(9)),
    ]  # fmt: skip
    assert words(family(results)) == {
        (OTHER, "3.9", REFERENCE_STACK, "3.9"): "slower",
        (OTHER, "3.10", REFERENCE_STACK, "3.10"): "slower",
        (OTHER, "3.10", OTHER, "3.9"): "same",
        (REFERENCE_STACK, "3.10", REFERENCE_STACK, "3.9"): "faster",
        (OTHER, "3.12", OTHER, "3.10"): "faster",
    }


def test_the_twin_of_the_reference_cell_is_the_noise_and_widens_the_margin(make: MakeResult) -> None:
    twins = make_trials(*([closed(COMPARE_USERS, 16, 10 * (1 + 0.2 * sign))] for sign in (1, -1, 1, -1, 1, -1)))
    other, reference = make(OTHER, "3.9", at_cpu(12)), make(REFERENCE_STACK, "3.9", at_cpu(10))
    one = family([other, reference, make(REFERENCE_STACK, "3.9", twins, twin=True)])
    assert one.noise is not None
    assert one.noise == pytest.approx(0.22, abs=0.02)
    assert one.margin == pytest.approx(2 * one.noise)
    assert one.twin_blocks == 6
    assert list(words(one).values()) == ["same"]
    assert "differs from itself by 22" in in_words.explanation(one)


def test_without_a_twin_the_noise_is_not_known_and_the_page_says_so(make: MakeResult) -> None:
    one = family([make(OTHER, "3.9", at_cpu(12)), make(REFERENCE_STACK, "3.9", at_cpu(10))])
    assert (one.noise, one.margin) == (None, 0.02)
    assert "the noise is not known" in in_words.explanation(one)


def test_blocks_are_paired_by_their_number_and_one_without_a_valid_level_does_not_count(make: MakeResult) -> None:
    trials = list(at_cpu(12))
    trials[2] = make_trials([], [], [closed(COMPARE_USERS, 16, 99, validity="invalid")])[2]
    one = family([make(OTHER, "3.9", trials), make(REFERENCE_STACK, "3.9", at_cpu(10))])
    (compared,) = one.compared
    assert compared.verdict.difference.blocks == 5
    assert compared.verdict.word == "not enough blocks"
    assert compared.effect(one.metric)[0] == pytest.approx(1.2)


def test_cells_of_different_runs_that_were_made_alike_are_compared_without_pairing_them(make: MakeResult) -> None:
    twin = make_trials(*([closed(COMPARE_USERS, 16, 10 * (1 + 3 * wobble))] for wobble in WOBBLE))
    results = [
        make(OTHER, "3.9", at_cpu(12)),
        make(REFERENCE_STACK, "3.9", at_cpu(10), run="two"),
        make(REFERENCE_STACK, "3.9", twin, run="two", twin=True),
    ]
    paired, (unpaired,) = split(compare_results(results))
    assert all(one.compared == () for one in paired)
    (compared,) = unpaired.compared
    assert (compared.cell, compared.other) == (results[0].cell, results[1].cell)
    assert not compared.verdict.difference.is_paired
    assert compared.effect(unpaired.metric)[0] == pytest.approx(1.2)
    assert compared.verdict.word == "slower"
    # The wider margin of the two runs holds.
    assert unpaired.margin == max(one.margin for one in paired if one.metric.name == "cpu") > 0.02
    assert "not paired" in in_words.explanation(unpaired)
    assert refuse(results) == ()


def split(families: Sequence[Family]) -> tuple[list[Family], list[Family]]:
    """The paired ones, and those of CPU per request that are not."""
    return (
        [one for one in families if one.run_id is not None],
        [one for one in families if one.run_id is None and one.metric.name == "cpu"],
    )


@pytest.mark.parametrize(
    ("part", "changes", "named"),
    [
        ("run", {"ladder": ("users=10",)}, "the ladder"),
        ("run", {"window_s": 99.0}, "the window"),
        ("run", {"generators": 2}, "the load processes"),
        ("run", {"tool_lock_sha256": "other"}, "the tool environment"),
        ("machine", {"kernel": "Linux 7"}, "the kernel"),
        ("machine", {"pinning": None}, "the pinning"),
        ("machine", {"cpu_id": "1-2-3"}, "the processor"),
        ("machine", {"cores": 4}, "the cores"),
    ],
)
def test_cells_that_were_not_made_alike_are_not_compared_and_what_differs_is_named(
    make: MakeResult, part: str, changes: dict[str, object], named: str
) -> None:
    one, other = make(OTHER, "3.9", at_cpu(12)), make(REFERENCE_STACK, "3.9", at_cpu(10), run="two")
    other = msgspec.structs.replace(other, **{part: msgspec.structs.replace(getattr(other, part), **changes)})
    assert all(family.compared == () for family in compare_results([one, other]))
    (refused,) = refuse([one, other])
    assert refused.differs == (named,)
    assert (
        in_words.refusal(refused) == f"{OTHER} on 3.9 is not compared with {REFERENCE_STACK}: they differ in {named}."
    )


def test_stacks_that_cannot_be_told_apart_share_a_rank(make: MakeResult) -> None:
    first, second, third, fourth = list(STACKS)[:4]
    costs = {first: 10.0, second: 14.0, third: 10.05, fourth: 20.0}
    one = family([make(stack, python, at_cpu(cost)) for stack, cost in costs.items() for python in ("3.9", "3.10")])
    assert {cell.stack: rank for cell, rank in one.ranks.items() if cell.python == "3.9"} == {
        first: 1, third: 1, second: 3, fourth: 4,
    }  # fmt: skip
    told = in_words.ranks(one)
    assert [sentence.split(",")[0] for sentence in told] == ["Ranks on 3.9", "Ranks on 3.10"]
    assert told[0].endswith(f": 1. {', '.join(sorted((first, third)))}; 3. {second}; 4. {fourth}.")


def test_below_six_blocks_nothing_is_ranked(make: MakeResult) -> None:
    one = family([make(OTHER, "3.9", at_cpu(12)[:5]), make(REFERENCE_STACK, "3.9", at_cpu(10)[:5])])
    assert one.ranks == {}


def test_one_trial_each_is_no_comparison(make: MakeResult) -> None:
    assert compare_results([make(OTHER, "3.9", at_cpu(12)[:1]), make(REFERENCE_STACK, "3.9", at_cpu(10)[:1])]) == ()


def test_throughput_is_better_when_it_is_higher_and_the_best_valid_level_counts(make: MakeResult) -> None:
    def at(*rps: float) -> tuple[Trial, ...]:
        return make_trials(
            *([limited(rps[0] * (1 + wobble), "slots"), limited(rps[1] * (1 + wobble), "slots")] for wobble in WOBBLE)
        )

    results = [make(OTHER, "3.9", at(16, 20)), make(REFERENCE_STACK, "3.9", at(16, 10))]
    one = family(results, "plateau")
    assert list(words(one).values()) == ["faster"]
    assert one.medians[results[0].cell] == pytest.approx(20)
    assert one.medians[results[1].cell] == pytest.approx(16)


def test_overheads_are_compared_by_their_difference_even_where_one_is_zero(make: MakeResult) -> None:
    def at(p95_ms: float) -> tuple[Trial, ...]:
        return make_trials(*([opened(RATE, p95_ms + 10 * wobble, 9), opened(1, 500, 9)] for wobble in WOBBLE))

    one = family([make(OTHER, "3.9", at(30)), make(REFERENCE_STACK, "3.9", at(0))], "overhead")
    (compared,) = one.compared
    assert one.margin == pytest.approx(0.02 * 600)
    assert compared.effect(one.metric)[0] == pytest.approx(30)
    assert compared.verdict.word == "slower"
    assert in_words.effect(one, compared) == "+30.0 (+30.0 to +30.0)"


def test_a_block_without_a_metric_has_none(make: MakeResult) -> None:
    trials = make_trials(
        [opened(RATE + 1, 5, 9), opened(RATE, None, 9)], [closed(COMPARE_USERS, 16, 8), limited(17, "slots")]
    )
    result = make(OTHER, "3.9", trials)
    assert {metric.name: metric.of(result) for metric in metrics_of(RATE, 600)} == {
        "plateau": {1: 17},
        "cpu": {1: 8},
        "open_cpu": {0: 9},
        "overhead": {},
        "memory": {0: 50, 1: 50},
    }


def test_a_plateau_that_only_users_limited_is_not_compared_as_it_was_not_seen(make: MakeResult) -> None:
    users = make_trials(*([limited(82.0, "users"), limited(30.0, "target-cpu")] for _ in WOBBLE))
    partly = make_trials([limited(83.0, "users")], *([limited(100.0, "target-cpu")] for _ in WOBBLE[1:]))
    reference, seen = make(REFERENCE_STACK, "3.9", users), make(OTHER, "3.9", partly)
    one = family([reference, seen], "plateau")
    assert one.medians == {seen.cell: 100.0}, (
        "with the block in which it was more than was seen: without, it looks better"
    )
    assert one.compared == ()
    assert seen.trials[0].block in one.metric.of(seen)


def holds(result: Result, *blocks: float | None, run: str = "c") -> Result:
    """The cell with its capacity under the headline SLO, block by block."""
    held = SloCapacity(
        slo_ms=HEADLINE_MS, state="found", last_pass=1, first_fail=2, low=None, high=None, blocks=blocks, limiter=None
    )
    capacity = Capacity(
        run_id=run, started="", duration_s=1, seed=1, git_commit=None, python=None, lock_sha256="0", scouted=(),
        probes=(), sustained=(held,),
    )  # fmt: skip
    return msgspec.structs.replace(result, capacity=capacity)


CAPACITY = f"capacity_{HEADLINE_MS:g}"


def test_capacities_are_paired_by_the_blocks_of_their_own_run_and_ranked(make: MakeResult) -> None:
    steps = (10, 11, 10, 12, 11, 10)
    more = holds(make(OTHER, "3.9", ()), *(rate_at(step + 4) for step in steps))
    less = holds(make(REFERENCE_STACK, "3.9", ()), *map(rate_at, steps))
    one = family([more, less], CAPACITY)
    (compared,) = one.compared
    assert compared.effect(one.metric)[0] == pytest.approx(1.05**4)
    assert (in_words.verdict(one, compared), compared.verdict.difference.blocks) == ("more", 6)
    assert one.ranks == {more.cell: 1, less.cell: 2}


def test_capacities_a_step_of_the_grid_apart_are_not_told_apart(make: MakeResult) -> None:
    more, less = make(OTHER, "3.9", ()), make(REFERENCE_STACK, "3.9", ())
    one = family([holds(more, *[rate_at(11)] * 6), holds(less, *[rate_at(10)] * 6)], CAPACITY)
    assert list(words(one).values()) == ["same"]


def test_a_block_that_cannot_tell_a_capacity_does_not_count(make: MakeResult) -> None:
    more, less = make(OTHER, "3.9", ()), make(REFERENCE_STACK, "3.9", ())
    one = family([holds(more, 8.0, None, *[8.0] * 5), holds(less, None, *[4.0] * 6)], CAPACITY)
    assert one.compared[0].verdict.difference.blocks == 5
    assert list(words(one).values()) == ["not enough blocks"]


@pytest.mark.parametrize("other", [{"run": "another"}, {"blocks": [0.0, *[4.0] * 5]}])
def test_capacities_of_different_runs_or_of_none_are_not_compared(make: MakeResult, other: dict[str, Any]) -> None:
    one = holds(make(OTHER, "3.9", ()), *[8.0] * 6)
    two = holds(make(REFERENCE_STACK, "3.9", ()), *other.get("blocks", [4.0] * 6), run=other.get("run", "c"))
    assert compare_results([one, two]) == ()


def test_memory_is_not_faster_but_less(make: MakeResult) -> None:
    def at(rss_mb: int) -> tuple[Trial, ...]:
        less = msgspec.structs.replace(use(9), rss_bytes_peak=rss_mb * 1_000_000)
        return make_trials(*([msgspec.structs.replace(closed(10, 16, 9), target=less)] for _ in WOBBLE))

    one = family([make(OTHER, "3.9", at(40)), make(REFERENCE_STACK, "3.9", at(50))], "memory")
    assert [in_words.verdict(one, each) for each in one.compared] == ["less"]


def test_a_workload_is_known_by_the_table_or_given_and_left_out_otherwise(make: MakeResult) -> None:
    strange = [
        msgspec.structs.replace(one, cell=msgspec.structs.replace(one.cell, workload="of tomorrow"))
        for one in (make(OTHER, "3.9", at_cpu(12)), make(REFERENCE_STACK, "3.9", at_cpu(10)))
    ]
    assert compare_results(strange) == ()
    given = replace(WORKLOADS[SHARED], name="of tomorrow")
    assert {one.workload for one in compare_results(strange, {given.name: given})} == {"of tomorrow"}


def test_precision_is_a_matter_of_the_interval_and_not_of_what_it_says(make: MakeResult) -> None:
    noisy = make_trials(*([closed(COMPARE_USERS, 16, 10 * (1 + 10 * wobble))] for wobble in WOBBLE))
    reference = make(REFERENCE_STACK, "3.9", at_cpu(10))
    for same_or_not in (10, 12):
        assert imprecise(compare_results([reference, make(OTHER, "3.9", at_cpu(same_or_not))])) == ()
    told = imprecise(compare_results([reference, make(OTHER, "3.9", noisy)]))
    assert told == (f"{SHARED}: CPU per request at {COMPARE_USERS} users",)


def test_costs_side_by_side_are_compared_within_their_run_with_its_twin(
    make: MakeResult, make_cost: Callable[..., Cost]
) -> None:
    def cell(stack: str, cost: Cost, *, twin: bool = False) -> Result:
        return msgspec.structs.replace(make(stack, "3.9", (), twin=twin), cost=cost)

    drift = (1.0, 1.5, 0.8, 1.2, 0.9, 1.4, 1.1)  # of the machine, which meets all cells of a block alike
    reference = cell(REFERENCE_STACK, make_cost("a", *(10 * one for one in drift)))
    twin = cell(REFERENCE_STACK, make_cost("a", *(10.1 * one for one in drift)), twin=True)
    dearer = cell(OTHER, make_cost("a", *(10.6 * one for one in drift[:-1]), None))
    one = family([reference, twin, dearer], "cost")
    assert one.noise == pytest.approx(0, abs=1e-9)
    assert words(one) == {(OTHER, "3.9", REFERENCE_STACK, "3.9"): "slower"}
    assert one.compared[0].verdict.difference.blocks == 6
    assert one.compared[0].effect(one.metric)[0] == pytest.approx(1.06)
    assert one.ranks == {reference.cell: 1, dearer.cell: 2}

    elsewhere = cell(OTHER, make_cost("b", *(10.6 * one for one in drift)))
    assert [each for each in compare_results([reference, twin, elsewhere]) if each.metric.name == "cost"] == []
