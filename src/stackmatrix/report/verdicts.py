"""What is said of a machine, as the document that other programs read. Pure."""

from collections.abc import Iterator
from typing import Any

from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.metrics import COST, Metric
from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.report import links
from stackmatrix.report.statements import statements
from stackmatrix.results import verdicts
from stackmatrix.results.verdicts import (
    ControlVerdicts,
    Refused,
    RunVerdict,
    Sentence,
    Value,
    Verdict,
    Verdicts,
)


def encode(machine: MachineSummary) -> bytes:
    """The document of a machine as JSON."""
    return verdicts.encode(verdicts_of(machine))


def verdicts_of(machine: MachineSummary) -> Verdicts:
    """Every comparison, value, control and statement of a machine."""
    return Verdicts(
        format_version=verdicts.VERDICTS_FORMAT,
        machine=machine.name,
        ended=machine.ended,
        statements=tuple(
            Sentence(key=one.key, lead=one.lead, text=one.text, evidence=one.evidence) for one in statements(machine)
        ),
        runs=tuple(
            RunVerdict(id=run.id, started=run.started, profile=run.profile, void=_void(machine, run.id))
            for run in machine.runs
        ),
        controls=tuple(
            _controls(machine.name, family) for family in machine.families if family.metric.name == COST.name
        ),
        comparisons=(
            *(_verdict(machine.name, COST, one.comparison) for one in machine.causes if one.comparison),
            *(
                _verdict(machine.name, family.metric, one)
                for family in machine.families
                for one in family.compared
                if one.cell.control is None
            ),
        ),
        values=tuple(value for family in machine.families for value in _values(machine.name, family)),
        refused=tuple(
            Refused(cell=cell, other=other, reason=reason)
            for workload in machine.workloads
            for cell, other, reason in workload.refused
        ),
    )


def _void(machine: MachineSummary, run: str) -> dict[str, str]:
    """Why a run proves nothing of a workload that it measured, by workload."""
    measured = {result.cell.workload for result in machine.results if any(block.run == run for block in result.blocks)}
    return {workload: reason for workload, reason in machine.void.items() if workload in measured}


def judgement(metric: Metric, one: Comparison) -> dict[str, Any]:
    """What every document says of a comparison, by the names of its fields."""
    return {
        "compares": "difference" if metric.is_difference else "ratio",
        "effect": one.effect.mid,
        "low": one.effect.low,
        "high": one.effect.high,
        "word": one.word,
        "blocks": one.blocks,
        "decided_after": one.decided_after,
        "matters": metric.matters,
        "smallest_decidable": one.smallest_decidable,
        "needed": one.needed,
        "caution": one.caution,
    }


def _verdict(machine: str, metric: Metric, one: Comparison) -> Verdict:
    return Verdict(
        workload=one.cell.workload,
        figure=metric.name,
        unit=metric.unit,
        cell=one.cell,
        other=one.other,
        **judgement(metric, one),
        evidence=links.file(machine, one.cell),
    )


def _controls(machine: str, family: Family) -> ControlVerdicts:
    found = family.controls
    return ControlVerdicts(
        workload=family.workload,
        state=found.state,
        reason=found.reason,
        void=family.void,
        planted_effect=found.planted_effect,
        twin=_verdict(machine, family.metric, found.twin) if found.twin else None,
        planted=_verdict(machine, family.metric, found.planted) if found.planted else None,
    )


def _values(machine: str, family: Family) -> Iterator[Value]:
    for cell, estimate in family.values.items():
        yield Value(
            workload=family.workload,
            figure=family.metric.name,
            unit=family.metric.unit,
            cell=cell,
            value=estimate.mid,
            low=estimate.low,
            high=estimate.high,
            rank=family.ranks.get(cell),
            evidence=links.file(machine, cell),
        )
