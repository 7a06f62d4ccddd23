"""A cell's cost block: what failed in it, and why, is told of that cell and of no other."""

from collections.abc import Callable
from typing import Any

import pytest

from stackmatrix.analysis.level.checks import find_all
from stackmatrix.analysis.level.facts import LevelFacts, RecorderTally, WrongAnswer
from stackmatrix.analysis.level.requests import LevelRows
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.measurements.cost.blocks import block_of
from stackmatrix.results import rows
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.findings import Code, note
from stackmatrix.testbed.testbed import MeasuredLevel

TWO = Workload("two", "", (*one_page("/a/"), *one_page("/b/")), (), calls_known=False)
WRONG = (WrongAnswer(1, "/a/ answered 500 where 200 is right"), WrongAnswer(0, "/b/ lacks 'x'"))
LOCKED = note(Code.DATABASE_LOCKED, "SQLite was locked by another writer.")
STAMP = {"run": "run", "round": 0, "started": "2026-11-25T10:00:00+00:00", "duration_s": 1.0}

type Blocks = Callable[[Workload], list[CostBlock]]


@pytest.fixture
def blocks(
    make_row: Callable[..., bytes], make_level: Callable[..., LevelRows], make_facts: Callable[..., LevelFacts]
) -> Blocks:
    """Two cells side by side, of which the second gives one answer of another status."""

    def row(at: int, target: int, **changed: Any) -> bytes:
        return make_row(100 + at / 10, 100.7 + at / 10, target=target, page=at % 2, **changed)

    packed = [row(at, target) for at in range(40) for target in (0, 1)]
    packed.append(row(50, 1, outcome=rows.STATUS, status=500))

    def make(workload: Workload) -> list[CostBlock]:
        whole = make_level(packed)
        facts = make_facts(packed, workload=workload, recorded=RecorderTally(81, 81, 0, WRONG))
        each = tuple(whole.of_target(target) for target in (0, 1))
        measured = MeasuredLevel(facts, each, (facts.uses["target"],) * 2, ((), (LOCKED,)))
        found = tuple(one for one in find_all(facts) if one.severity == "note")
        return [
            block_of(measured, place, stamp=STAMP, rate=4.0, idle_share=0.0, findings=found, planted_ms=None)
            for place in (0, 1)
        ]

    return make


def test_why_an_answer_failed_is_told_of_the_cell_that_gave_it(blocks: Blocks) -> None:
    sound, failed = blocks(TWO)
    assert [one.code for one in sound.findings if one.code == "failures"] == []
    assert LOCKED in failed.findings
    assert LOCKED not in sound.findings
    (found,) = [one for one in failed.findings if one.code == "failures"]
    assert found.severity == "invalid"
    assert found.sentence == "1 requests failed (1 status 500): /a/ answered 500 where 200 is right."


def test_a_block_says_how_often_each_of_several_pages_was_answered(blocks: Blocks) -> None:
    assert [block.answered_by_page for block in blocks(TWO)] == [{"/a/": 20, "/b/": 20}] * 2
    one = Workload("one", "", one_page("/a/"), (300,))
    assert [block.answered_by_page for block in blocks(one)] == [{}, {}]
