"""A run shows what is decided so far: a line a step in a log, and a table on a terminal that is drawn seldom."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from stackmatrix.analysis.comparison.judge import judge
from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.report.live import LiveView, LogView, duration, forming, make_view
from tests.made_up import make_results

STACKS = ("gunicorn_100_threads", "gunicorn_gevent", "uvicorn")
SHARED = ("fanout_shared_client",)


def judged(blocks: int, *, found: bool = True, ended: bool = False) -> Sequence[Family]:
    results = make_results(STACKS, workloads=SHARED, blocks=blocks, ramps=0, found=found)
    return judge(results, ended=ended)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_log_has_one_line_for_each_step_with_what_is_decided_and_what_is_left() -> None:
    console = Console(file=io.StringIO(), width=60)
    view = make_view(console)
    assert isinstance(view, LogView)
    with view:
        view.begin("fanout_shared_client, cost block 6", 600)
        view.show("warming up")
        view.end("fanout_shared_client, cost block 6", "7 cells", judged(6), 720.0, 540.0)
        view.say("[bold]as it is")
    families = [family for family in judged(6) if family.metric.headline]
    count = len(families[0].compared)
    decided = count - len(families[0].open)
    assert written(console) == (
        "[12 min] fanout_shared_client, cost block 6: 7 cells; "
        f"fanout_shared_client: {decided} of {count} decided; about 9 min left\n[bold]as it is\n"
    )


def test_a_void_run_says_so_while_it_lasts() -> None:
    console = Console(file=io.StringIO(), width=60)
    LogView(console).end("block", "done", judged(5, found=False, ended=True), 1.0, None)
    assert "fanout_shared_client: void, " in written(console)


def rows(view: LiveView) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(view.render())
    return written(console)


def test_a_terminal_shows_the_verdicts_as_they_form_and_what_is_done_now() -> None:
    now_s = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40)
    with LiveView(console, lambda: now_s[0]) as view:
        view.begin("cost block 1", 300.0)
        assert rows(view) == "cost block 1; about 5 min left\n"
        view.end("cost block 1", "7 cells", judged(1), 84.0, 240.0)
        assert "uvicorn against gunicorn_100_threads on 3.13" in rows(view)
        assert " so far" in rows(view)
        view.end("cost block 5", "7 cells", judged(5), 84.0, 240.0)
        assert "% more (" in rows(view)
        view.begin("ramp of uvicorn", 240.0)
        view.show("42 arrivals/s")
        now_s[0] = 200.0
        assert rows(view).splitlines()[-1] == "ramp of uvicorn; 42 arrivals/s; about 40 s left"


def test_a_terminal_is_drawn_twice_a_second_at_most() -> None:
    now_s = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40)
    with LiveView(console, lambda: now_s[0]) as view:
        view.begin("a step", None)
        before = len(written(console))
        for _ in range(100):
            now_s[0] += 0.004
            view.show("something new")
        assert len(written(console)) == before
        now_s[0] += 0.2
        view.show("something newer")
        assert "something newer" in written(console)


def test_where_not_all_fit_the_open_ones_are_kept() -> None:
    (family,) = (family for family in judged(3) if family.metric.headline)
    assert 0 < len(family.open) < len(family.compared)
    table = forming([family], len(family.open))
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    assert written(console).count("undecided") == len(family.open) == table.row_count
    assert f"and {len(family.compared) - len(family.open)} more" in written(console)


@pytest.mark.parametrize(("seconds", "told"), [(40.4, "40 s"), (720, "12 min"), (3900, "1 h 5 min")])
def test_a_duration_is_told_in_the_unit_that_people_use(seconds: float, told: str) -> None:
    assert duration(seconds) == told
