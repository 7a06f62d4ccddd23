"""The document of two states of results says what changed, and holds no figure that must not be read as compared."""

import re

from stackmatrix.analysis.comparison.states import compare_states
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.report.comparison.recorded import About, document_of
from stackmatrix.results.comparison import ComparisonDocument, Side, decode, encode
from stackmatrix.results.model import Result
from tests import states

CHANGED = "uvicorn"


def document(base: list[Result], head: list[Result], *, across: bool = False) -> ComparisonDocument:
    base_side, head_side = (Side(title=title, kind="results") for title in ("HEAD~1", "HEAD"))
    about = About(base_side, head_side, app=None, command="nox -s compare -- HEAD~1 HEAD", across=across)
    return document_of(about, {"a-machine": compare_states(base, head, across=across)})


def test_what_changed_is_said_first_and_then_what_else_differs() -> None:
    head = states.with_packages(states.after(costs={CHANGED: 1.15}), CHANGED, uvicorn="2.0", h11="0.16")
    made = document(states.before(), head)
    first, second, *_ = made.sentences
    assert re.fullmatch(
        r"HEAD against HEAD~1, uvicorn on 3\.13, fanout: CPU time per request against gunicorn_100_threads "
        r"1\d % more \(\d+ to \d+ %\)\.",
        first,
    )
    assert second.startswith("Of 3 figures that can be compared: 1 worse, ")
    assert "uvicorn on 3.13, fanout: the packages (h11 none → 0.16, uvicorn 1.2.3 → 2.0)." in made.sentences
    assert any("nothing changed that is recorded" in one for one in made.sentences)
    assert "measured at different times" in made.sentences[-1]
    assert [(one.name, one.base, one.head) for one in made.packages] == [
        ("h11", None, "0.16"), ("uvicorn", "1.2.3", "2.0"),
    ]  # fmt: skip
    assert decode(encode(made), "a.json") == made


def test_values_stand_beside_the_word_which_is_of_the_ratio() -> None:
    made = document(states.before(), states.after(speed=1.4, costs={CHANGED: 1.15}))
    (one,) = (each for each in made.figures if each.stack == CHANGED)
    assert one.base is not None
    assert one.head is not None
    assert one.head / one.base > 1.5, "the machine was slower as well"
    assert one.effect < 1.2
    assert one.relative_to == REFERENCE_STACK
    assert one.caution is not None
    assert "The change is of the ratio to gunicorn_100_threads in the same blocks" in one.caution
    assert "Nothing is recorded that has changed about this cell." in one.caution
    told = next(each for each in made.not_compared if REFERENCE_STACK in each.what)
    assert re.search(r"It was \d+\.\d+ \(.*\) and then \d+\.\d+ \(.*\) ms\.$", told.reason)


def test_across_machines_no_figure_is_shown_as_it_is() -> None:
    head = states.with_kernel(states.after(costs={CHANGED: 1.15}, counts=True), "Linux 7.0")
    made = document(states.before(counts=True), head, across=True)
    assert made.figures
    assert {(one.base, one.head) for one in made.figures} == {(None, None)}
    assert {one.relative_to for one in made.figures} == {REFERENCE_STACK}
    everything = " ".join([*made.sentences, *(one.reason for one in made.not_compared)])
    assert not re.search(r" (ms|million)\b", everything)
    assert "not measured alike: the kernel" in everything
    assert "no figure is shown as it is" in made.sentences[-1]


def test_a_changed_reference_is_said_with_the_values_and_no_word() -> None:
    head = states.with_packages(states.after(costs={CHANGED: 1.3}), REFERENCE_STACK, gunicorn="9.9.9")
    made = document(states.before(), head)
    assert made.figures == ()
    told = next(one for one in made.not_compared if CHANGED in one.what)
    assert "has changed itself, so" in told.reason
    assert "ms." in told.reason


def test_a_void_side_is_said_first() -> None:
    made = document(states.before(), states.after(found=False))
    assert made.sentences[0].startswith("fanout: void, and so nothing is said of it")
    assert made.controls[0].void is not None


def test_states_with_the_same_blocks_say_so() -> None:
    made = document(states.before(), states.before())
    assert made.figures == ()
    assert made.not_compared == ()
    assert made.sentences == ("Nothing has changed: every cell has the same blocks on both sides.",)
    grown = document(states.before(), states.before(blocks=8))
    assert grown.sentences == (
        "No change of any figure can be told, for the reasons below.",
        "All 4 cells: blocks were added under the same conditions, which is no change.",
    )
