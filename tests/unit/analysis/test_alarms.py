"""Comparisons of a thing with itself: false alarms are counted, and a threshold is found that the machine can hold."""

import pytest

from stackmatrix.analysis.alarms import alarms_of, at_most
from stackmatrix.report.comparison import alarms
from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument, ControlOutcome, Side


def figure(low: float | None, high: float | None, word: str = "undecided", name: str = "cpu") -> ComparedFigure:
    return ComparedFigure(
        workload="w", stack="s", python="3.13", other_stack="s", other_python="3.13", figure=name,
        title="CPU time per request", unit="ms", digits=2, higher_is_better=False, base=5.0, head=5.0,
        compares="ratio", effect=1.0, low=low, high=high, word=word,  # type: ignore[arg-type]
        blocks=5, decided_after=None, matters=0.03, smallest_decidable=0.04, needed=None,
    )  # fmt: skip


def document(*figures: ComparedFigure, void: str | None = None) -> ComparisonDocument:
    side = Side(title="as locked", kind="packages")
    return ComparisonDocument(
        format_version=1, machine="m", started="", minutes=2.0, app=None, base=side, head=side, sentences=(),
        figures=figures, not_compared=(), packages=(), command="",
        controls=(ControlOutcome(workload="w", state="passed", reason=None, void=void),),
    )  # fmt: skip


def test_called_differences_are_false_alarms_and_void_runs_are_no_comparisons() -> None:
    documents = [document(figure(0.98, 1.02)) for _ in range(18)]
    documents += [document(figure(1.01, 1.05, "worse")), document(figure(1.1, 1.2, "worse"), void="The twin differs.")]
    (found,) = alarms_of(documents)
    assert (found.figure, found.compared, found.called) == ("cpu", 19, 1)
    said = " ".join(alarms.sentences(documents, [found]))
    assert "compared with itself 20 times, 2.0 minutes each" in said
    assert "a difference was called in 1 of 19 comparisons" in said
    assert "Of these 1 were void" in said


def test_the_threshold_is_the_lowest_that_nine_in_ten_pass() -> None:
    documents = [document(figure(0.97, 1.04)) for _ in range(9)] + [document(figure(0.9, 1.3))]
    (found,) = alarms_of(documents)
    assert dict(found.passed)[0.03] == 0
    assert dict(found.passed)[0.05] == 9
    assert found.threshold == 0.05
    assert "--threshold 5%" in " ".join(alarms.sentences(documents, [found]))
    assert "9 of 10" in str(alarms.table([found]).cells)


def test_of_comparisons_that_say_nothing_yet_no_threshold_is_named() -> None:
    assert alarms_of([document(figure(None, None))]) == ()
    (found,) = alarms_of([document(figure(0.5, 1.5))])
    assert found.threshold is None
    assert "give it more --minutes" in " ".join(alarms.sentences([document()], [found]))


def test_none_seen_in_twenty_may_be_one_in_seven() -> None:
    assert at_most(0, 20) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert at_most(20, 20) == 1.0
