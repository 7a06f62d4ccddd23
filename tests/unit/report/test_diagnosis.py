"""One screen: every line is there at any width, its state is a word, and it is said what follows."""

import io

import pytest
from rich.console import Console

from stackmatrix.report.diagnosis import conclusion, table
from stackmatrix.results.diagnosis import Examination, fine, note, stops, unknown

FOUND = {
    "results": fine("/a/folder[/] can be written."),
    "memory": note("1.0 GB of 2.0 GB are available; 24 cells take about 2.3 GB.", "Choose fewer cells."),
    "clock": unknown("This system does not tell."),
    "CPU quota": stops(14, "This control group may use 0.5 of the 2 cores.", "Raise it."),
}


def shown(width: int, *, is_terminal: bool = False) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=is_terminal)
    with console.capture() as captured:
        console.print(table(Examination.of("m", FOUND)))
    return captured.get()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_every_line_is_whole_at_any_width(width: int) -> None:
    told = shown(width)
    assert max(map(len, told.splitlines())) <= width
    joined = " ".join(told.split())
    assert "fine results /a/folder[/] can be written." in joined
    for title, one in FOUND.items():
        assert title in told
        assert {*one.sentence.split()} <= {*joined.split()}
    assert "STOPS" in told


def test_colours_only_repeat_what_words_say() -> None:
    coloured = shown(80, is_terminal=True)
    assert "\x1b[" in coloured
    assert "\x1b[" not in shown(80)


def test_what_stops_is_named_with_the_code_and_what_to_do_next() -> None:
    assert [*conclusion(Examination.of("m", FOUND))] == [
        "The run cannot begin: CPU quota (exit code 14). Notes: memory. Unknown: clock.",
        "Mend that, and look again: nox -s doctor, with the same options.",
    ]


def test_where_nothing_stops_the_next_step_is_named() -> None:
    first, second = conclusion(Examination.of("m", {"memory": FOUND["memory"]}))
    assert first == "The run can begin. Notes: memory."
    assert "nox -s matrix" in second
    assert "nox -s calibrate" in second
