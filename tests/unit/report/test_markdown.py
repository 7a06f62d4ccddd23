"""Pages claim nothing that they must not, and what they show of results is harmless and always the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stackmatrix.analysis.callgrind import Costs, Function
from stackmatrix.analysis.instructions import summarise
from stackmatrix.analysis.samples import mid
from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.matrix.cells import Cell
from stackmatrix.report import charts, markdown
from stackmatrix.report.answers import Answer, answer
from stackmatrix.report.environment import AFTER_OVERLOAD, remarks
from stackmatrix.report.words import skipped as skipped_pythons
from stackmatrix.results.capacity import Capacity, SloCapacity
from stackmatrix.results.cost import Cost
from stackmatrix.results.findings import Code, Finding
from stackmatrix.results.instructions import Instructions
from stackmatrix.results.levels import LatencyMs, Level, TargetUse
from stackmatrix.results.model import FORMAT_VERSION, Machine, Result, Status
from stackmatrix.results.trials import Run, Trial

TEMPLATE = (Path(__file__).parents[3] / "src" / "stackmatrix" / "report" / "templates" / "results.md").read_text()
MACHINE = Machine(
    cpu_model="A processor", cores=2, memory_bytes=8 * 2**30, kernel="Linux 6", os="An OS", governor=None,
    virtualised=True, pinning={"target": (1,), "generator": (0,)},
)  # fmt: skip


def make_level(
    users: int, rps: float, *, validity: str = "valid", cpu_ms: float = 8.0, sentence: str = "", limiter: str = "users"
) -> Level:
    finding = Finding(code="x", severity="invalid" if validity == "invalid" else "note", sentence=sentence)
    return Level(
        model="closed", users=users, rate=None, window_s=12.0, validity=validity, limiter=limiter,  # type: ignore[arg-type]
        findings=(finding,) if sentence else (), requests=int(rps * 12), throughput_rps=rps,
        latency_ms=LatencyMs(mean=610, p50=608, p90=620, p95=630, p99=None, max=700),
        target=TargetUse(
            cpu_ms_per_request=cpu_ms, instructions_per_request=None, cpu_share=0.1, rss_bytes_peak=50_000_000,
            threads_peak=3, fds_peak=10, context_switches=None,
        ),
    )  # fmt: skip


def make_result(
    stack: str = "uvicorn",
    python: str = "3.12",
    levels: Sequence[Sequence[Level]] = ((make_level(10, 16.0),),),
    profile: str = "quick",
    status: Status | None = None,
    tool_lock: str = "same",
) -> Result:
    run = Run(
        id="0" * 32, started="2026-01-01T00:00:00+00:00", seed=1, profile=profile, ladder=("users=10",), blocks=1,
        warmup_s=3, settle_s=2, window_s=12, tool_versions={}, tool_lock_sha256=tool_lock, git_commit=None,
    )  # fmt: skip
    trials = tuple(
        Trial(block=i, order=0, seed=1, started=run.started, duration_s=20, load_s=15, levels=tuple(one))
        for i, one in enumerate(levels)
    )
    cell = Cell(stack=stack, python=python, workload="fanout")
    return Result(
        format_version=FORMAT_VERSION, run=run, cell=cell, status=status or Status(state="ok"), machine=MACHINE,
        environment=None, trials=trials,
    )  # fmt: skip


def render(*machines: MachineSummary, left_out: Sequence[str] = ()) -> str:
    return markdown.render_results(TEMPLATE, machines, {}, left_out)


def test_an_invalid_level_has_no_figures_and_its_finding_is_told() -> None:
    levels = [[make_level(10, 16.0), make_level(50, 99.0, validity="invalid", sentence="The generator was late.")]]
    machine = summarize("m", [make_result(levels=levels)])
    row = machine.workloads[0].rows[0]

    assert row.plateau_rps == 16.0
    page = render(machine)
    assert "99.0" not in page
    assert "users=50: The generator was late." in page


def with_times(p50: float, p95: float | None, p99: float | None) -> Level:
    times = LatencyMs(mean=p50, p50=p50, p90=None, p95=p95, p99=p99, max=9_000)
    return msgspec.structs.replace(make_level(10, 16.0), latency_ms=times)


def test_percentiles_beside_each_other_are_of_the_same_blocks() -> None:
    # The third block, in which everything was late, had too few responses for a p99.
    blocks = [[with_times(600, 610, 620)], [with_times(601, 612, 625)], [with_times(700, 990, None)]] * 2
    machine = summarize("m", [make_result(levels=blocks)])
    (level,) = machine.workloads[0].rows[0].levels
    assert (mid(level.p50_ms), mid(level.p95_ms), mid(level.p99_ms)) == (601, 612, None)
    assert "| 601 / 612 / – |" in render(machine)


def test_no_ratio_stands_beside_the_verdicts() -> None:
    machine = summarize("m", [make_result(python=python) for python in ("3.12", "3.13")])
    assert "oldest" not in render(machine)
    assert " × " not in render(machine)


@pytest.mark.parametrize(("blocks", "claims"), [(5, False), (6, True)])
def test_nothing_is_claimed_below_six_blocks(blocks: int, *, claims: bool) -> None:
    machine = summarize("m", [make_result(levels=[[make_level(10, 16.0)]] * blocks)])
    assert ("Not enough blocks to claim anything" not in render(machine)) is claims


def test_a_skipped_python_is_told_and_takes_no_row() -> None:
    skipped = make_result(python="3.14", levels=[], status=Status(state="skipped", reason="not found"))
    machine = summarize("m", [make_result(), skipped])

    assert [row.cell.python for row in machine.workloads[0].rows] == ["3.12"]
    assert "Python 3.14 skipped: not found (1 cells)." in skipped_pythons(machine)
    assert "Python 3.15 not measured." in render(machine)


def test_a_failed_cell_keeps_its_row_and_its_reason() -> None:
    failed = make_result(levels=[], status=Status(state="failed", reason="The target did not start."))
    page = render(summarize("m", [failed]))
    assert "| uvicorn | 3.12 | failed |" in page
    assert "uvicorn on 3.12: failed, The target did not start." in page


def test_a_hostile_string_stays_text() -> None:
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) | `y`"
    failed = make_result(levels=[], status=Status(state="failed", reason=hostile))
    page = render(summarize("<img src=x onerror=alert(1)>", [failed]))
    assert "<script" not in page
    assert "<img" not in page
    assert "[x](javascript" not in page


def test_a_file_that_was_left_out_is_named_on_the_page() -> None:
    page = render(summarize("m", [make_result()]), left_out=["m/<b>.json is not a result file: truncated."])
    assert "- m/&lt;b&gt;.json is not a result file: truncated." in page
    assert "Left out" not in render(summarize("m", [make_result()]))


def test_the_page_and_the_chart_are_the_same_every_time() -> None:
    results = [make_result(), make_result(stack="uwsgi_gevent")]
    first, second = (summarize("m", order) for order in (results, results[::-1]))
    assert render(first) == render(second)
    assert charts.throughput_chart(first.workloads[0], "3.12", 600) == charts.throughput_chart(
        second.workloads[0], "3.12", 600
    )


def test_the_readme_changes_between_its_marks_only() -> None:
    readme = f"before\n{markdown.BEGIN}\nold\n{markdown.END}\nafter\n"
    assert markdown.put_headline(readme, "new") == f"before\n{markdown.BEGIN}\nnew\n{markdown.END}\nafter\n"
    assert markdown.put_headline("no marks", "new") == "no marks"


def test_the_headline_shows_the_newest_python_of_the_machine_with_most_results() -> None:
    few = summarize("few", [make_result(python="3.15")])
    many = summarize("many", [make_result(), make_result(python="3.13", levels=[[make_level(10, 15.5)]])])
    block = markdown.headline([few, many], {})
    assert "Python 3.13" in block
    assert "| uvicorn | ≥ 15.5 | 8.0 |" in block


def answered(*results: Result) -> Answer:
    machine = summarize("m", results)
    return answer(machine, machine.workloads[0])


def test_what_one_trial_cannot_tell_apart_is_named_together() -> None:
    results = [
        make_result("uwsgi_gevent", levels=[[make_level(10, 82.0)]]),
        make_result("gunicorn_gevent", levels=[[make_level(10, 80.0)]]),
        make_result("uvicorn", levels=[[make_level(10, 40.0)]]),
    ]
    told = answered(*results)
    assert told.stack.startswith(
        "Most throughput seen: uwsgi_gevent with 82.0 requests/s (one trial cannot tell from it gunicorn_gevent); "
    )
    assert told.python == ""


def test_that_one_trial_does_not_tell_pythons_apart_is_said() -> None:
    assert (
        answered(make_result(), make_result(python="3.13")).python == "One trial of each does not tell Pythons apart."
    )


def test_a_stack_that_falls_under_more_load_is_named() -> None:
    steady = make_result("uwsgi_gevent", levels=[[make_level(50, 80.0), make_level(100, 79.0)]])
    fallen = make_result("uvicorn", levels=[[make_level(50, 80.0), make_level(100, 20.0)]])
    assert answered(steady, fallen).mind[-1] == (
        "With more users throughput falls: uvicorn from 80 to 20 requests/s at users=100."
    )


def opened(rate: float) -> Level:
    return msgspec.structs.replace(make_level(1, rate), model="open", users=None, rate=rate)


def test_levels_that_were_driven_again_are_counted_and_their_first_reasons_are_not_repeated() -> None:
    again = Finding(code=Code.SECOND_ATTEMPT, severity="note", sentence="Attempt 2; the one before: A cold start.")
    level = make_level(10, 16.0)
    twice = msgspec.structs.replace(level, findings=(again,))
    spoilt = msgspec.structs.replace(make_level(5, 8.0, validity="invalid", sentence="Too late."), findings=(again,))
    page = render(summarize("m", [make_result(levels=[[spoilt, twice]])]))
    assert "2 levels were driven again, since their first attempt was invalid; 1 stayed so." in page
    assert "A cold start" not in page


def test_open_levels_after_a_heavier_overload_are_remarked() -> None:
    over = msgspec.structs.replace(make_level(100, 30.0, limiter="target-cpu"), bound_rps=166.7)
    light = make_level(10, 16.0)
    assert AFTER_OVERLOAD in remarks([make_result(levels=[[light, over, opened(20)]])])
    for levels in ([opened(20), light, over], [light, opened(20)], [light, over]):
        assert AFTER_OVERLOAD not in remarks([make_result(levels=[levels])])


def test_what_holds_for_all_of_a_machines_trials_is_told_once() -> None:
    finding = Finding(code="not-pinned", severity="note", sentence="There is one core.")
    results = [make_result(python=python) for python in ("3.12", "3.13")]
    results = [
        msgspec.structs.replace(one, trials=(msgspec.structs.replace(one.trials[0], findings=(finding,)),))
        for one in results
    ]
    assert render(summarize("m", results)).count("There is one core.") == 1


def count_of(*repeats: int) -> Instructions:
    count = summarise(1, 1, [Costs({Function("lib|evil<b>", "eval"): repeat}) for repeat in repeats])
    return Instructions(
        counter="valgrind-3", started="", duration_s=1, git_commit=None, python=None, lock_sha256="0", counts=(count,)
    )


def test_a_cell_that_was_only_counted_is_in_the_table_of_counts_alone() -> None:
    counted = [
        msgspec.structs.replace(make_result(python=python, levels=()), instructions=count_of(*repeats))
        for python, repeats in (("3.12", (8_000_000, 8_001_000)), ("3.13", (7_000_000, 7_001_000)))
    ]
    page = render(summarize("m", counted))
    assert "plateau" not in page.split("## m")[1]
    assert "| uvicorn | 3.13 | 1 | 7.000 | 0.01% of 2 | 0.875 (" in page
    assert "× Python 3.12: fewer" in page
    assert "lib\\|evil&lt;b&gt; 100%" in page


def test_who_needs_the_fewest_instructions_is_told_and_what_a_newer_python_changes() -> None:
    counts = {("uvicorn", "3.12"): 9, ("uvicorn", "3.13"): 8, ("uwsgi_gevent", "3.12"): 7, ("uwsgi_gevent", "3.13"): 7}
    counted = [
        msgspec.structs.replace(
            make_result(*cell, levels=()), instructions=count_of(most * 1_000_000, most * 1_000_100)
        )
        for cell, most in counts.items()
    ]
    told = answered(*counted)
    assert told.stack == "Fewest instructions per request: uwsgi_gevent (7.00 million on 3.12 and 3.13)."
    assert told.python == (
        "Instructions per request: 11.1% fewer on 3.13 than on 3.12 for uvicorn, no other difference between "
        "Pythons is sure."
    )


def test_a_plateau_beyond_what_the_users_asked_for_is_called_unknown() -> None:
    results = [
        make_result("uwsgi_gevent", levels=[[make_level(10, 82.0, limiter="target-cpu")]]),
        make_result("gunicorn_gevent", levels=[[make_level(10, 40.0)]]),
    ]
    assert answered(*results).mind == ("The plateau was not reached by gunicorn_gevent: their users were the limit.",)


def test_counts_and_loads_of_a_cell_stand_in_their_tables() -> None:
    both = msgspec.structs.replace(make_result(), instructions=count_of(8_000_000))
    page = render(summarize("m", [both, make_result("gunicorn_100_threads")]))
    assert "| uvicorn | 3.12 | 16.0 |" in page.replace("≥ ", "")
    assert "| uvicorn | 3.12 | 1 | 8.000 | once | – | – |" in page
    assert "| 8.0 at 1 |" in page


def sustained(slo_ms: float, **told: Any) -> SloCapacity:
    nothing = dict.fromkeys(("last_pass", "first_fail", "low", "high", "limiter"))
    return SloCapacity(**{"slo_ms": slo_ms, "state": "found", "blocks": (), **nothing, **told})


def test_cost_side_by_side_is_the_cost_that_answers_and_says_which_blocks_do_not_count(
    make_cost: Callable[..., Cost],
) -> None:
    def cell(stack: str, *costs: float | None, failure: str | None = None) -> Result:
        return msgspec.structs.replace(make_result(stack), cost=make_cost("one", *costs, failure=failure), trials=())

    steady = (5.0, 5.1, 5.0, 4.9, 5.0, 5.1)
    dearer = cell("uvicorn", *(1.5 * one for one in steady), None)
    machine = summarize(
        "a", [cell("gunicorn_100_threads", *steady), dearer, cell("uwsgi_gevent", failure="<b>gone</b>")]
    )
    told = answer(machine, machine.workloads[0])
    assert "Lowest CPU per request side by side: gunicorn_100_threads (5.00 ms on 3.12)" in told.stack
    page = render(machine)
    assert "Not enough blocks to claim anything" not in page
    assert "**CPU per request side by side**: 1 slower." in page
    assert "uvicorn on 3.12, side by side: 1 of 7 blocks do not count: The generator was late." in page
    assert "uwsgi_gevent on 3.12, side by side: &lt;b&gt;gone&lt;/b&gt;" in page
    assert "<b>gone" not in page


def test_counts_are_held_against_cost_side_by_side_where_it_was_measured(make_cost: Callable[..., Cost]) -> None:
    def cell(stack: str, count: int, cpu_ms: float, *costs: float) -> Result:
        levels = [[make_level(10, 16.0, cpu_ms=cpu_ms)]]
        cost = make_cost("one", *costs) if costs else None
        return msgspec.structs.replace(make_result(stack, levels=levels), instructions=count_of(count), cost=cost)

    in_trials = render(summarize("m", [cell("uvicorn", 9, 9.0), cell("gunicorn_100_threads", 6, 6.0)]))
    assert "of CPU time at users=10 and of instructions" in in_trials
    assert "| uvicorn | 3.12 | 1.50 | 1.50 |" in in_trials
    # By block 1, 2 and 4 times the cost, so twice, as the verdict says; the medians would say four times.
    cells = [cell("uvicorn", 9, 9.0, 2.0, 8.0, 8.0), cell("gunicorn_100_threads", 6, 6.0, 2.0, 4.0, 2.0)]
    beside = render(summarize("m", cells))
    assert "of CPU time side by side and of instructions" in beside
    assert "| uvicorn | 3.12 | 2.00 | 1.50 |" in beside


def test_a_capacity_stands_in_the_page_with_its_interval_what_failed_and_what_never_passed() -> None:
    found = Capacity(
        run_id="a", started="2026-11-22T10:00:00+00:00", duration_s=1.0, seed=1, git_commit=None, python=None,
        lock_sha256="0", scouted=(), probes=(), failure="the <b>end</b>",
        sustained=(
            sustained(660, state="never", first_fail=0.5, blocks=(0.0,) * 6, limiter="slots"),
            sustained(
                750, last_pass=36.6, first_fail=38.4, low=34.9, high=38.4, blocks=(36.6,) * 6, limiter="target-cpu"
            ),
            sustained(900, last_pass=40.0, first_fail=42.0, blocks=(40.0,) * 5),
            sustained(1200, state="undecided"),
        ),
    )  # fmt: skip
    page = render(summarize("a", [msgspec.structs.replace(make_result(), capacity=found)]))
    first, line = (line for line in page.splitlines() if "fails at" in line)
    assert "| 36.6 (34.9 to 38.4); fails at 38.4 |" in first
    assert [cell.strip() for cell in line.split("|")[3:-1]] == [
        "never; fails at 0.5",
        "36.6 (34.9 to 38.4); fails at 38.4",
        "40; fails at 42",
        "undecided",
        "slots, target-cpu",
        "0 to 6; the &lt;b&gt;end&lt;/b&gt;",
    ]


def test_verdicts_stand_in_the_page_with_their_noise() -> None:
    blocks = [[make_level(10, 16.0, cpu_ms=cpu_ms, limiter="slots")] for cpu_ms in (8.0, 8.1, 7.9, 8.05, 7.95, 8.0)]
    slower = [
        [make_level(10, 16.0, cpu_ms=cpu_ms, limiter="slots")] for cpu_ms in (12.0, 12.1, 11.9, 12.05, 11.95, 12.0)
    ]
    reference = make_result("gunicorn_100_threads", levels=blocks)
    twin = msgspec.structs.replace(reference, cell=msgspec.structs.replace(reference.cell, twin=True))
    page = render(summarize("m", [reference, twin, make_result("uvicorn", levels=slower)]))
    assert "CPU per request at 10 users in ms, less is better; the same cell differs from itself by 0.0% (sd, 6" in page
    assert "| uvicorn | 3.12 | 12.00 | gunicorn_100_threads | 1.500 (" in page
    assert "| 6 | 0.031 | slower |" in page
    # The answer, the sentence of the project's README, too.
    assert (
        "- **Which stack?** Highest plateau: gunicorn_100_threads and uvicorn, not told apart "
        "(16.00 requests/s on 3.12); lowest CPU per request at 10 users: gunicorn_100_threads (8.00 ms on 3.12)."
        in page
    )
    # In the first table: the rank by plateau, which both share, and the verdict on CPU.
    assert "| 1 | uvicorn | 3.12 | 16.0 |" in page
    assert "| slower, 1.50 × |" in page
    assert "| 1 | gunicorn_100_threads | 3.12 | 16.0 |" in page
    assert "| is the reference |" in page
    assert page.count("| gunicorn_100_threads | 3.12 | ") == 4  # one for each table of its trials, none for the twin


def test_what_a_newer_python_changes_is_told_by_its_verdict() -> None:
    def at(python: str, cpu_ms: float) -> Result:
        near = [[make_level(10, 16.0, cpu_ms=cpu_ms + wobble)] for wobble in (0.0, 0.1, -0.1, 0.05, -0.05, 0.0)]
        return make_result("gunicorn_100_threads", python, levels=near)

    summary = summarize("m", [at("3.12", 8.0), at("3.13", 7.0), at("3.14", 7.0)])
    told = answer(summary, summary.workloads[0]).python
    assert told == (
        "CPU per request at 10 users: 12.5% less on 3.13 than on 3.12 for gunicorn_100_threads, no other "
        "difference between Pythons is sure."
    )
    assert "- fanout\n  - **Which stack?** " in markdown.headline([summary], {})
    assert f"  - **Which Python?** {told}\n" in markdown.headline([summary], {})
    few = summarize("m", [make_result()])
    assert "In blocks" not in markdown.headline([few], {})


def test_each_remark_has_a_line_of_its_own_after_a_blank_one() -> None:
    levels = [make_level(users, 16.0, validity="invalid", sentence=f"At {users} it was late.") for users in (10, 25)]
    lines = render(summarize("m", [make_result(levels=[levels])])).splitlines()
    first = next(place for place, line in enumerate(lines) if "At 10 it was late." in line)
    assert lines[first - 1] == ""
    assert lines[first].startswith("- ")
    assert lines[first + 1].startswith("- ")
    assert "At 25 it was late." in lines[first + 1]


def test_a_metric_that_is_compared_with_nothing_has_no_table() -> None:
    alone = summarize("m", [make_result(levels=[[make_level(10, 16.0)]] * 6)])
    beside = summarize("m", [make_result(python=one, levels=[[make_level(10, 16.0)]] * 6) for one in ("3.12", "3.13")])
    assert [family for family in alone.families if not family.compared]
    assert "**CPU per request" not in render(alone)
    assert "**CPU per request" in render(beside)
