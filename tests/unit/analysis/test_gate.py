"""A gate passes only on what is proved, fails only on what is sure, and says why in a sentence."""

from datetime import date
from typing import Any

import pytest

from stackmatrix.analysis import gate, gate_sentences
from stackmatrix.analysis.gate import Rules, judge
from stackmatrix.analysis.gate_sentences import percent
from stackmatrix.matrix.app_keys import GATED
from stackmatrix.matrix.app_parts import Waiver
from stackmatrix.results.comparison import ComparedFigure, GateVerdict, NotCompared
from tests.compared import document, figure, pair

TODAY = date(2026, 11, 26)
KNOWN = Waiver(at_most=0.12, until=date(2026, 12, 31), reason="Sessions are signed anew.")


def verdict(*figures: ComparedFigure, controls: str = "passed", minutes: float = 10.0, **rules: Any) -> GateVerdict:
    """What a gate says of figures of one cell; these figures are those that it judges."""
    asked = rules.pop("figures", tuple(one.figure for one in figures))
    allowed = Rules(threshold=0.05, today=TODAY, figures=asked, **rules)
    return judge(document(*figures, controls=controls, minutes=minutes), [pair()], allowed)


@pytest.mark.parametrize(
    ("effect", "half", "outcome"),
    [
        (1.08, 0.02, "regression"),
        (1.07, 0.01, "regression"),
        (1.08, 0.04, "undecided"),
        (1.04, 0.02, "undecided"),
        (1.03, 0.01, "passed"),
        (1.00, 0.01, "passed"),
        (0.70, 0.10, "passed"),
        (0.98, 0.08, "undecided"),
        (1.50, None, "undecided"),
    ],
)
def test_a_change_is_a_regression_or_passed_only_for_sure(effect: float, half: float | None, outcome: str) -> None:
    found = verdict(figure("cpu", effect, half))
    assert found.outcome == outcome
    assert found.figures[0].worse_by == pytest.approx(effect - 1)


def test_exactly_the_threshold_is_a_regression_and_not_passed() -> None:
    for low, high, outcome in ((1.125, 1.25, "regression"), (1.0, 1.125, "undecided")):
        one = figure("cpu", 1.1875, low=low, high=high)
        assert judge(document(one), [pair()], Rules(0.125, TODAY, figures=("cpu",))).outcome == outcome


def test_what_is_better_when_larger_is_worse_when_smaller() -> None:
    assert verdict(figure("holds", 0.90, 0.02)).outcome == "regression"
    assert verdict(figure("holds", 1.20, 0.02)).outcome == "passed"
    lost = verdict(figure("holds", 0.90, 0.02)).figures[0]
    assert [lost.low, lost.worse_by, lost.high] == pytest.approx([0.08, 0.1, 0.12])


def test_a_difference_in_a_unit_is_a_share_of_the_base() -> None:
    # 48 ms of 600 ms are 8 %.
    found = verdict(figure("p95", 48.0, 6.0))
    assert found.outcome == "regression"
    assert found.figures[0].worse_by == pytest.approx(0.08)
    assert verdict(figure("p95", 12.0, 6.0)).outcome == "passed"
    assert verdict(figure("p95", 12.0, 6.0, base=0.0)).outcome == "void"


@pytest.mark.parametrize("state", ["failed", "not measured", "not yet known"])
def test_without_controls_that_passed_everything_is_void_with_their_reason(state: str) -> None:
    found = verdict(figure("cpu", 1.5, 0.01), figure("instructions", 1.0, 0.001), controls=state)
    assert [one.outcome for one in found.figures] == ["void", "void"]
    assert "The twin differs from itself by 9 %." in found.sentence
    assert found.fails


def test_a_workload_beside_which_no_controls_stood_is_void() -> None:
    found = judge(document(figure("cpu"), controls=()), [pair()], Rules(0.05, TODAY, figures=("cpu",)))
    assert found.sentence.endswith("nothing is proved. No controls were measured.")


def test_nothing_measured_is_void_and_fails() -> None:
    for empty in (judge(document(), [pair()], Rules(0.05, TODAY)), judge(document(), [], Rules(0.05, TODAY))):
        assert (empty.outcome, empty.fails) == ("void", True)


def test_a_cell_that_was_to_be_compared_and_is_not_there_is_void_with_its_reason_though_others_passed() -> None:
    whole = document(
        figure("cpu"),
        not_compared=(
            NotCompared(what="h2granian on 3.13, fanout (head)", reason="Another one's reason."),
            NotCompared(what="uvicorn on 3.13, no_calls (head)", reason="It does not start."),
            NotCompared(what="CPU time per request of gunicorn on 3.13, fanout (head)", reason="Unlike cores."),
        ),
    )
    pairs = [pair(), pair(workload="no_calls"), pair("gunicorn"), pair("granian")]
    found = judge(whole, pairs, Rules(0.05, TODAY, figures=("cpu",)))
    assert [one.outcome for one in found.figures] == ["passed", "void", "void", "void"]
    said = [one.sentence for one in found.figures[1:]]
    assert said[0].endswith("It does not start.")
    assert said[1].endswith("Unlike cores.")
    assert said[2].endswith(gate.NOT_MEASURED)
    assert found.outcome == "void"


def test_a_figure_that_was_not_measured_is_void_though_the_other_passed() -> None:
    found = verdict(figure("cpu"), figures=("cpu", "instructions"))
    assert [one.outcome for one in found.figures] == ["passed", "void"]
    assert found.outcome == "void"
    assert found.sentence.endswith("Of 2 figures 1 is void and 1 passed.")
    assert verdict(figure("holds"), figures=("cpu", "memory")).sentence.endswith("All 2 figures are void.")


def test_two_stacks_are_compared_as_one_pair() -> None:
    one = figure("cpu", 1.2, 0.01, stack="uvicorn", other_stack="granian")
    found = judge(document(one), [pair("uvicorn", head="granian")], Rules(0.05, TODAY, figures=("cpu",)))
    assert found.outcome == "regression"
    assert "granian on 3.13, fanout: 20 % worse (19 to 21 %)" in found.sentence
    assert (found.figures[0].stack, found.figures[0].other_stack) == ("uvicorn", "granian")


def test_the_first_of_regression_void_and_undecided_is_the_whole() -> None:
    passed, undecided, lost = figure("cpu"), figure("memory", 1.05, 0.05), figure("holds", 0.5, 0.01)
    asked = ("cpu", "memory", "instructions", "holds")
    assert verdict(passed, undecided, lost, figures=asked).outcome == "regression"
    assert verdict(passed, undecided, figures=asked[:3]).outcome == "void"
    assert verdict(passed, undecided).outcome == "undecided"
    assert verdict(passed).outcome == "passed"


@pytest.mark.parametrize(
    ("fails_on", "failing"),
    [
        (gate.FAILS_ON, {"regression", "void"}),
        (("undecided",), {"undecided"}),
        ((), set()),
        (gate.CAN_FAIL, set(gate.CAN_FAIL)),
    ],
)
def test_only_the_outcomes_that_are_named_fail(fails_on: tuple[str, ...], failing: set[str]) -> None:
    found = {
        one.outcome: one.fails
        for one in (
            verdict(figure("cpu", 1.2), fails_on=fails_on),
            verdict(figure("cpu", 1.05), fails_on=fails_on),
            verdict(figure("cpu"), controls="failed", fails_on=fails_on),
            verdict(figure("cpu"), fails_on=fails_on),
        )
    }
    assert found == {name: name in failing for name in gate_sentences.ORDER}


def test_a_waiver_raises_the_limit_up_to_its_ceiling_and_stands_in_the_sentence() -> None:
    found = verdict(figure("cpu", 1.10, 0.01), waivers=(KNOWN,))
    (one,) = found.figures
    assert (one.outcome, one.limit, one.waiver) == ("passed", 0.12, KNOWN.reason)
    assert "but for 1 waived" in found.sentence
    assert "Waived up to 12 % until 2026-12-31: Sessions are signed anew." in found.sentence
    assert verdict(figure("cpu", 1.14, 0.01), waivers=(KNOWN,)).outcome == "regression"
    assert verdict(figure("cpu", 1.12, 0.01), waivers=(KNOWN,)).outcome == "undecided"


def test_a_waiver_that_is_not_needed_is_none() -> None:
    (one,) = verdict(figure("cpu", 1.02, 0.01), waivers=(KNOWN,)).figures
    assert (one.outcome, one.limit, one.waiver) == ("passed", 0.05, None)


def test_a_waiver_below_the_threshold_does_not_lower_it() -> None:
    low = Waiver(at_most=0.01, until=TODAY, reason="less")
    assert verdict(figure("cpu", 1.045, 0.01), waivers=(low,)).figures[0].limit == 0.05


def test_of_two_waivers_the_larger_one_holds() -> None:
    other = Waiver(at_most=0.20, until=TODAY, reason="more")
    (one,) = verdict(figure("cpu", 1.15, 0.01), waivers=(other, KNOWN)).figures
    assert (one.outcome, one.waiver) == ("passed", "more")


def test_a_waiver_counts_on_its_last_day_and_is_said_to_have_ended_on_the_next() -> None:
    last = Waiver(at_most=0.12, until=TODAY, reason="until the move")
    assert verdict(figure("cpu", 1.10), waivers=(last,)).outcome == "passed"
    over = Waiver(at_most=0.12, until=date(2026, 11, 25), reason="until the move")
    found = verdict(figure("cpu", 1.10), waivers=(over,))
    assert found.outcome == "regression"
    assert "A waiver ended on 2026-11-25 and no longer counts: until the move" in found.sentence
    assert "A waiver ended" in verdict(figure("cpu", 1.00), waivers=(over,)).figures[0].sentence


@pytest.mark.parametrize(
    ("named", "outcome"),
    [
        ({"stack": "uvicorn"}, "passed"),
        ({"stack": "granian"}, "regression"),
        ({"workload": "fanout"}, "passed"),
        ({"workload": "no_calls"}, "regression"),
        ({"figure": "cpu"}, "passed"),
        ({"figure": "memory"}, "regression"),
        ({"stack": "uvicorn", "workload": "fanout", "figure": "memory"}, "regression"),
    ],
)
def test_a_waiver_is_of_what_it_names_alone(named: dict[str, str], outcome: str) -> None:
    waiver = Waiver(at_most=0.12, until=TODAY, reason="known", **named)
    assert verdict(figure("cpu", 1.10), waivers=(waiver,)).outcome == outcome


@pytest.mark.parametrize(
    ("budget", "value", "outcome"),
    [
        (12, {"head": 10.0}, "passed"),
        (10, {"head": 10.0}, "passed"),
        (9, {"head": 10.0}, "regression"),
        (9, {"head": 10.0, "head_low": 8.5, "head_high": 11.0}, "undecided"),
        (8, {"head": 10.0, "head_low": 8.5, "head_high": 11.0}, "regression"),
        (11, {"head": 10.0, "head_low": 8.5, "head_high": 11.0}, "passed"),
    ],
)
def test_a_budget_is_a_ceiling_of_the_heads_value(budget: float, value: dict[str, float], outcome: str) -> None:
    (one,) = verdict(figure("cpu", **value), figures=(), budgets={"cpu": budget}).figures
    assert (one.outcome, one.is_budget, one.limit, one.worse_by) == (outcome, True, budget, None)
    assert f"budget of {budget} ms" in one.sentence


@pytest.mark.parametrize(("budget", "outcome"), [(8, "passed"), (10, "passed"), (12, "regression")])
def test_a_budget_of_what_is_better_when_larger_is_a_floor(budget: float, outcome: str) -> None:
    assert verdict(figure("holds"), figures=(), budgets={"holds": budget}).outcome == outcome


def test_a_budget_is_kept_or_not_whatever_the_base_was() -> None:
    # Ten times better than the base, and still too much.
    found = verdict(figure("cpu", 0.1, 0.01, head=10.0), budgets={"cpu": 9})
    assert [one.outcome for one in found.figures] == ["passed", "regression"]
    assert found.sentence.startswith(
        "Regression. CPU time per request, uvicorn on 3.13, fanout: 10.00 ms, above its budget"
    )
    kept = verdict(figure("cpu"), budgets={"cpu": 12})
    assert kept.sentence == "Passed. The one figure is not worse by 5 % or more, for sure. 1 budget is kept."


def test_what_holds_the_highest_rate_is_a_bound_and_not_a_value_that_was_not_measured() -> None:
    measured = figure("memory", 0.9, 0.02)
    assert "a bound and no value" in verdict(measured, figures=("holds",)).sentence
    assert "It was not measured" in verdict(figure("cpu"), figures=("holds",)).sentence


def test_a_budget_of_what_was_not_measured_is_void_and_says_so() -> None:
    found = verdict(figure("cpu"), budgets={"memory": 80})
    assert found.outcome == "void"
    assert "nothing is proved of its budget of 80 MB. It was not measured" in found.sentence


def test_a_budget_is_void_with_the_controls() -> None:
    assert verdict(figure("cpu"), controls="failed", figures=(), budgets={"cpu": 12}).outcome == "void"


def test_a_threshold_below_what_is_decidable_says_so_and_how_long_it_would_take() -> None:
    # Five blocks decide 8 %, so that 5 % need (8 / 5)² as many, of two minutes each.
    found = verdict(figure("cpu", 1.03, 0.06, smallest_decidable=0.08))
    assert (
        "5 % is less than 5 blocks decide here, which is 8 %; about 13 blocks decide it, 26 minutes in all."
        in found.sentence
    )


def test_a_threshold_that_no_comparison_decides_says_what_the_longest_one_decides() -> None:
    found = verdict(figure("cpu", 1.03, 0.2, smallest_decidable=0.32, blocks=4))
    assert "; that takes more than the 16 blocks of the longest comparison, which decide about 16 %." in found.sentence


def test_a_change_that_lies_near_the_threshold_says_how_many_blocks_would_set_them_apart() -> None:
    # Its interval reaches 2 % to either side, and it is 1.4 % away: (2 / 1.4)² as many blocks, of two minutes each.
    for effect in (1.036, 1.064):
        near = verdict(figure("cpu", effect, 0.02)).sentence
        assert "It is too near to 5 % for 5 blocks to tell; about 11 blocks decide it, 22 minutes in all." in near
    for effect in (1.05, 1.045):
        nearer = verdict(figure("cpu", effect, 0.02)).sentence
        assert "5 blocks to tell; that takes more than the 16 blocks of the longest comparison, so choose" in nearer


def test_what_is_undecided_says_why() -> None:
    early = verdict(figure("cpu", 1.2, None, blocks=1))
    assert "Nothing is judged before 3 blocks, and there is 1 block." in early.sentence
    # Counts are not made more often in a longer run.
    counted = verdict(figure("instructions", 1.03, 0.06, smallest_decidable=0.08))
    assert "which is 8 %, so choose another --threshold." in counted.sentence
    assert "minutes" not in counted.sentence


def test_a_caution_stands_in_the_sentence() -> None:
    assert (
        "With a caution: Their Pythons are built differently."
        in verdict(figure("cpu", 1.2, caution="Their Pythons are built differently.")).sentence
    )


def test_the_sentence_of_a_regression_has_its_size_and_how_the_others_came_out() -> None:
    found = verdict(figure("cpu", 0.98, 0.01), figure("instructions", 1.081, 0.001))
    assert found.sentence == (
        "Regression. Instructions per request, uvicorn on 3.13, fanout: 8.1 % worse (8 to 8.2 %), at least 5 % worse "
        "for sure. Of 2 figures 1 is a regression and 1 passed."
    )
    assert found.figures[0].sentence == (
        "CPU time per request, uvicorn on 3.13, fanout: 2 % better (1 to 3 %), less than 5 % worse for sure."
    )


def test_a_share_has_a_digit_after_the_point_where_there_is_little_before_it() -> None:
    assert [percent(one) for one in (0.05, 0.085, 0.0996, 0.1234, 1.5, 0, -0.0001)] == [
        "5 %", "8.5 %", "10 %", "12 %", "150 %", "0 %", "0 %",
    ]  # fmt: skip


def test_what_is_measured_follows_from_what_is_judged_and_has_controls() -> None:
    assert Rules(0.05, TODAY).kinds == ("cost", "counts")
    assert Rules(0.05, TODAY, figures=("instructions",)).kinds == ("cost", "counts")
    assert Rules(0.05, TODAY, figures=("cpu",), budgets={"memory": 80}).kinds == ("cost", "ramp")
    assert set(GATED) <= gate.BY_NAME.keys()
