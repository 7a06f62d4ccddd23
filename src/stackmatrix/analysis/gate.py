"""What a gate says of a comparison: is the head worse by more than is allowed, for sure? Pure.

A change is a regression when the near end of its interval reaches the limit, has passed when the far end does not, and
is undecided otherwise. What is not proved is void, and so is what was not measured: nothing passes unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from stackmatrix.analysis.comparison.contrasts import Contrast
from stackmatrix.analysis.comparison.verdicts import Estimate, worse_by
from stackmatrix.analysis.gate_sentences import HOW, HOW_SURE, ORDER, percent, prospect, sized, whole
from stackmatrix.analysis.metrics import COST, HOLDS, INSTRUCTIONS, METRICS, Metric
from stackmatrix.matrix.app_parts import Waiver
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument, GatedFigure, GateVerdict, Outcome

CAN_FAIL = ORDER[:-1]
FAILS_ON = ("regression", "void")
FIGURES = (COST.name, INSTRUCTIONS.name)
THRESHOLD = 0.05
BY_NAME = {metric.name: metric for metric in METRICS}
BEYOND = "It held the highest rate that a ramp has, and that is a bound and no value."
NOT_MEASURED = "It was not measured: no block of it was valid, it was left out, or the time was over."


@dataclass(frozen=True, slots=True)
class Rules:
    """What a gate allows: that ``figures`` are worse by less than the ``threshold``, or than a waiver says until a day.

    The threshold is a share of the base. ``budgets`` are by figure the most that the head may have, in its unit; the
    least where more is better. The outcomes in ``fails_on`` fail the whole.
    """

    threshold: float
    today: date
    figures: tuple[str, ...] = FIGURES
    fails_on: tuple[str, ...] = FAILS_ON
    waivers: tuple[Waiver, ...] = ()
    budgets: Mapping[str, float] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of measurement that give what is judged; cost in any case, which has the controls."""
        return tuple(dict.fromkeys([COST.kind, *(BY_NAME[name].kind for name in (*self.figures, *self.budgets))]))


@dataclass(frozen=True, slots=True)
class _Pair:
    """The head's cell and the base's: what is known of both, why that is ``void``, and why one is ``missing``."""

    head: Cell
    base: Cell
    figures: Mapping[str, ComparedFigure]
    void: str | None
    missing: str | None
    minutes: float | None

    def told(self, metric: Metric) -> str:
        return f"{metric.title}, {self.head.stack} on {_python(self.head)}, {self.head.workload}"

    def why_void(self, metric: Metric, one: ComparedFigure | None) -> str | None:
        """Why nothing is proved of a figure; ``None`` where it is."""
        if one is not None:
            return self.void
        # What a ramp has beside it was measured: the ramps were made, and none found an end.
        is_beyond = metric == HOLDS and any(BY_NAME[name].kind == HOLDS.kind for name in self.figures)
        return self.missing or (BEYOND if is_beyond else NOT_MEASURED)

    def judged(
        self,
        metric: Metric,
        limit: float,
        outcome: Outcome,
        said: str,
        worse: Estimate | None = None,
        waiver: str | None = None,
        *,
        is_budget: bool = False,
    ) -> GatedFigure:
        return GatedFigure(
            workload=self.base.workload,
            stack=self.base.stack,
            python=_python(self.base),
            other_stack=self.head.stack,
            other_python=_python(self.head),
            figure=metric.name,
            worse_by=None if worse is None else worse.mid,
            low=None if worse is None else worse.low,
            high=None if worse is None else worse.high,
            limit=limit,
            outcome=outcome,
            sentence=f"{self.told(metric)}: {said}",
            waiver=waiver,
            is_budget=is_budget,
        )


def judge(document: ComparisonDocument, pairs: Sequence[Contrast], rules: Rules) -> GateVerdict:
    """What the gate says of each figure of each of the ``pairs`` that were to be compared, and of the whole."""
    by_cell: dict[tuple[str, ...], dict[str, ComparedFigure]] = {}
    for one in document.figures:
        places = (one.workload, one.stack, one.python, one.other_stack, one.other_python)
        by_cell.setdefault(places, {})[one.figure] = one
    judged = []
    for head, base in pairs:
        places = (base.workload, base.stack, _python(base), head.stack, _python(head))
        pair = _pair(document, head, base, by_cell.get(places, {}))
        judged += [_change(pair, BY_NAME[name], rules) for name in rules.figures]
        judged += [_budget(pair, BY_NAME[name], most) for name, most in rules.budgets.items()]
    found = {each.outcome for each in judged}
    outcome: Outcome = next((each for each in ORDER if each in found), "void")
    return GateVerdict(
        outcome=outcome,
        sentence=whole(judged, outcome, rules.threshold),
        threshold=rules.threshold,
        fails_on=rules.fails_on,
        figures=tuple(judged),
    )


def _pair(document: ComparisonDocument, head: Cell, base: Cell, own: Mapping[str, ComparedFigure]) -> _Pair:
    controls = next((one for one in document.controls if one.workload == base.workload), None)
    void = "No controls were measured." if controls is None else None
    if controls is not None and controls.state != "passed":
        void = controls.void or controls.reason or f"The controls are {controls.state}."
    cells = [
        f"{cell.stack} on {_python(cell)}, {cell.workload} ({Runtime.of(cell.python).side})" for cell in (base, head)
    ]
    reasons = [
        one.reason
        for one in document.not_compared
        if any(one.what == cell or one.what.endswith(f" of {cell}") for cell in cells)
    ]
    return _Pair(head, base, own, void, next(iter(reasons), None), document.minutes)


def _python(cell: Cell) -> str:
    return Runtime.of(cell.python).interpreter


def _change(pair: _Pair, metric: Metric, rules: Rules) -> GatedFigure:
    """How one figure's change stands against the threshold, or a waiver."""
    one = pair.figures.get(metric.name)
    worse = None if one is None else _worse_by(one)
    why = pair.why_void(metric, one)
    if one is None or worse is None or why is not None:
        return pair.judged(metric, rules.threshold, "void", f"nothing is proved. {why or 'The base has no value.'}")
    at_threshold = _against(worse, rules.threshold)
    valid, ended = _waivers(pair, metric.name, rules)
    # A waiver that is not needed is none.
    waiver = max(valid, key=lambda each: each.at_most, default=None) if at_threshold != "passed" else None
    limit = max(rules.threshold, waiver.at_most) if waiver is not None else rules.threshold
    outcome = _against(worse, limit)
    told = [f"{sized(worse)}, {HOW[outcome]} {percent(limit)}{HOW_SURE[outcome]}."]
    if outcome == "undecided":
        told.append(prospect(one, worse, metric, limit, pair.minutes))
    if waiver is not None:
        told.append(f"Waived up to {percent(waiver.at_most)} until {waiver.until}: {waiver.reason}")
    told += [f"A waiver ended on {each.until} and no longer counts: {each.reason}" for each in ended]
    told += [f"With a caution: {one.caution}"] if one.caution else []
    return pair.judged(metric, limit, outcome, " ".join(told), worse, None if waiver is None else waiver.reason)


def _worse_by(one: ComparedFigure) -> Estimate | None:
    """By what share of the base the head is worse; ``None`` for a difference from nothing."""
    effect = Estimate(one.effect, one.low, one.high)
    if one.compares == "difference":
        if not one.base:
            return None
        low, high = (None if end is None else 1 + end / one.base for end in (one.low, one.high))
        effect = Estimate(1 + one.effect / one.base, low, high)
    return worse_by(effect, higher_is_better=one.higher_is_better)


def _against(worse: Estimate, limit: float) -> Outcome:
    if worse.low is None or worse.high is None:
        return "undecided"
    if worse.low >= limit:
        return "regression"
    return "passed" if worse.high < limit else "undecided"


def _waivers(pair: _Pair, figure: str, rules: Rules) -> tuple[list[Waiver], list[Waiver]]:
    """Those of a figure that count, and those that have ended; the last day counts."""
    stacks = {pair.base.stack, pair.head.stack}
    own = [
        one
        for one in rules.waivers
        if (one.stack is None or one.stack in stacks)
        and one.workload in (None, pair.base.workload)
        and one.figure in (None, figure)
    ]
    return [one for one in own if one.until >= rules.today], [one for one in own if one.until < rules.today]


def _budget(pair: _Pair, metric: Metric, most: float) -> GatedFigure:
    """How the head's value stands against a budget, for sure where its interval is known."""
    one = pair.figures.get(metric.name)
    judged = partial(pair.judged, metric, most, is_budget=True)
    what = f"budget of {most:g} {metric.unit}"
    why = pair.why_void(metric, one)
    if one is None or one.head is None or why is not None:
        return judged("void", f"nothing is proved of its {what}. {why or NOT_MEASURED}")
    ends = [one.head if end is None else end for end in (one.head_low, one.head_high)]
    low, high = ends if not metric.higher_is_better else [-end for end in reversed(ends)]
    bound = -most if metric.higher_is_better else most
    value = f"{one.head:.{metric.digits}f} {metric.unit}"
    if one.head_low is not None and one.head_high is not None:
        value += f" ({one.head_low:.{metric.digits}f} to {one.head_high:.{metric.digits}f})"
    if low > bound:
        return judged("regression", f"{value}, {'below' if metric.higher_is_better else 'above'} its {what} for sure.")
    if high <= bound:
        return judged("passed", f"{value}, within its {what}.")
    return judged("undecided", f"{value}, and whether that is within its {what} is undecided.")
