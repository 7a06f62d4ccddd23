"""The answer to a comparison: figures from judged results, both witnesses, and what else differs."""

import msgspec
import pytest

from stackmatrix.matrix.cells import Cell
from stackmatrix.report.comparison.document import About, document_of
from stackmatrix.report.comparison.sentences import disagreement, sentences
from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument, Side, decode, encode
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Result
from tests.made_up import PYTHON_RATIOS, make_results

WORKLOAD = "fanout_shared_client"
STACKS = ("gunicorn_100_threads", "uvicorn")
SIDES = ("3.13 of base", "3.13 of head")
ABOUT = About("m", 4.0, None, Side(title="a==1", kind="packages"), Side(title="a==2", kind="packages"), "again", {})


def results(monkeypatch: pytest.MonkeyPatch, ratio: float, **changed: object) -> list[Result]:
    """Both sides of two stacks, of which the head costs ``ratio`` times as much."""
    monkeypatch.setitem(PYTHON_RATIOS, SIDES[1], ratio)
    return make_results(STACKS, SIDES, (WORKLOAD,), blocks=8, **changed)  # type: ignore[arg-type]


def compared(some: list[Result], about: About = ABOUT) -> ComparisonDocument:
    pairs = [tuple(Cell(stack=stack, python=side, workload=WORKLOAD) for side in reversed(SIDES)) for stack in STACKS]
    return document_of(about, some, pairs)  # type: ignore[arg-type]


def test_a_head_that_costs_more_is_worse_by_as_much_on_each_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    document = compared(results(monkeypatch, 1.1))
    costs = [one for one in document.figures if one.figure == "cpu"]
    assert [(one.stack, one.word, one.python) for one in costs] == [(stack, "worse", "3.13") for stack in STACKS]
    for one in costs:
        assert one.low is not None
        assert one.high is not None
        assert one.low < 1.1 < one.high
    assert document.sentences[0].startswith("a==2 against a==1, gunicorn_100_threads on 3.13, fanout_shared_client: ")
    assert " more (" in document.sentences[0]
    assert [one.state for one in document.controls] == ["passed"]


def test_the_same_twice_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = [one for one in compared(results(monkeypatch, 1.0)).figures if one.figure == "cpu"]
    assert {one.word for one in costs} <= {"same", "undecided"}


def test_where_a_control_fails_nothing_is_said_but_that(monkeypatch: pytest.MonkeyPatch) -> None:
    document = compared(results(monkeypatch, 1.1, found=False))
    assert {one.word for one in document.figures} == {"undecided"}
    assert document.sentences[0].startswith("fanout_shared_client: void")


def test_packages_that_differ_are_listed_with_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    some = results(monkeypatch, 1.0)
    for place, one in enumerate(some):
        if one.cell.python == SIDES[1] and one.conditions is not None:
            environment = one.conditions.environment
            packages = {**environment.packages, "httpx": "0.27.0", "new": "1"}
            environment = msgspec.structs.replace(environment, packages=packages, lock_sha256="other")
            some[place] = msgspec.structs.replace(
                one, conditions=msgspec.structs.replace(one.conditions, environment=environment)
            )
    document = compared(some)
    assert [(one.name, one.base, one.head) for one in document.packages] == [
        ("httpx", "0.28.1", "0.27.0"),
        ("new", None, "1"),
    ]
    assert len([one for one in document.figures if one.figure == "cpu"]) == 2
    assert document.not_compared == ()


def test_both_witnesses_are_said_and_never_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    document = compared(results(monkeypatch, 1.1, counts=True))
    assert "; instructions " in document.sentences[0]
    own = {one.figure: one for one in document.figures if one.stack == STACKS[0]}
    cpu, instructions = own["cpu"], own["instructions"]

    def against(low: float, high: float, word: str = "worse") -> str | None:
        return disagreement(cpu, msgspec.structs.replace(instructions, low=low, high=high, word=word))

    assert cpu.low is not None
    assert cpu.high is not None
    # Both may be true of one change, whatever their words are.
    assert against(cpu.low - 0.02, cpu.low, "same") is None
    assert against(cpu.high, cpu.high + 0.02) is None
    assert against(0.5, 0.6, "undecided") is None
    for low, high, word in ((0.9, 0.95, "better"), (cpu.high + 0.001, 1.3, "worse"), (0.995, cpu.low - 0.001, "same")):
        told = against(low, high, word)
        assert told is not None
        assert told.startswith("The two witnesses disagree: by CPU time ")


def test_what_could_not_be_measured_is_said_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(stack=STACKS[1], python=SIDES[1], workload=WORKLOAD)
    about = About("m", None, None, ABOUT.base, ABOUT.head, "again", {cell: "It did not start."})
    (one,) = compared(results(monkeypatch, 1.0), about).not_compared
    assert one.what == "uvicorn on 3.13, fanout_shared_client (head)"
    assert one.reason == "It did not start."


def test_blocks_none_of_which_counts_say_so_with_what_was_found_last(monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = []
    for one in results(monkeypatch, 1.0, ramps=0, planted=False):
        found = (Finding(code="foreign-load", severity="invalid", sentence="Somebody else used the core."),)
        blocks = tuple(msgspec.structs.replace(block, validity="invalid", findings=found) for block in one.cost)
        spoilt.append(msgspec.structs.replace(one, cost=blocks))
    document = compared(spoilt)
    assert document.figures == ()
    assert {one.reason for one in document.not_compared} == {
        "Of 8 blocks none counts. Of the last one: Somebody else used the core."
    }
    assert document.sentences == ("Nothing of a==2 could be compared with a==1.",)


def test_a_document_is_read_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    document = compared(results(monkeypatch, 1.1))
    assert decode(encode(document), "a.json") == document


def test_undecided_says_what_it_would_take() -> None:
    figure = ComparedFigure(
        workload="w", stack="s", python="3.13", other_stack="s", other_python="3.13", figure="cpu", title="CPU",
        unit="ms", digits=2, higher_is_better=False, base=1.0, head=1.0, compares="ratio", effect=1.01, low=0.98,
        high=1.04, word="undecided", blocks=5, decided_after=None, matters=0.03, smallest_decidable=0.05, needed=8,
    )  # fmt: skip
    said = list(sentences(ABOUT.base, ABOUT.head, [figure], []))
    assert said[-1] == "s on 3.13, w: 5 blocks decide differences of CPU from 5 % on; 8 blocks probably decide it."
