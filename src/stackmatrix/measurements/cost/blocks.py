"""What one cell's cost block was, from what was measured of all. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from stackmatrix.analysis import exceptions
from stackmatrix.analysis.level import pages, throughput
from stackmatrix.analysis.level.assess import assess_target, validity_of
from stackmatrix.analysis.level.usage import Role
from stackmatrix.matrix.cells import Cell
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.findings import Code, Finding, invalid
from stackmatrix.testbed.testbed import MeasuredLevel


def block_of(
    measured: MeasuredLevel,
    place: int,
    *,
    stamp: Mapping[str, Any],
    rate: float,
    idle_share: float,
    findings: tuple[Finding, ...],
    planted_ms: float | None,
    batch: int = 0,
) -> CostBlock:
    """One cell's block; one failed request makes it invalid, as nobody asked what a failure costs."""
    rows, failures = measured.rows[place], measured.rows[place].failures()
    # What the load as a whole says of failures does not say whose they are.
    findings = tuple(one for one in findings if one.code != Code.FAILURES)
    if failures:
        listed = ", ".join(f"{count} {name}" for name, count in failures.items())
        recorded = measured.facts.recorded
        reasons = recorded.why_wrong(place) if recorded is not None else ""
        sentence = f"{sum(failures.values())} requests failed ({listed}){reasons and f': {reasons}'}."
        findings = (*findings, invalid(Code.FAILURES, sentence))
    findings = (*findings, *measured.named[place])
    use, _ = assess_target(measured.uses[place], len(rows.answered), rows.window_s, idle_share)
    return CostBlock(
        **stamp,
        validity=validity_of(findings),
        findings=findings,
        place=place,
        together=len(measured.rows),
        rate=rate,
        busy_share=measured.facts.uses[Role.TARGET].cpu_share,
        window_s=rows.window_s,
        requests=len(rows.window),
        failures=failures,
        cpu_ms_per_request=use.cpu_ms_per_request,
        idle_share=idle_share,
        connections_per_request=throughput.connections_per_request(rows),
        planted_ms=planted_ms,
        batch=batch,
        answered_by_page=pages.answered(rows, measured.facts.workload),
    )


def describe(blocks: Mapping[Cell, CostBlock]) -> str:
    """What a block showed, in a few words; why it does not count where none of it does."""
    valid = [block for block in blocks.values() if block.is_valid]
    costs = [block.cpu_ms_per_request for block in valid if block.cpu_ms_per_request is not None]
    if costs:
        left_out = (
            f", {len(blocks) - len(valid)} invalid ({reasons(blocks.values())})" if len(valid) < len(blocks) else ""
        )
        words = f"{len(costs)} cells, {min(costs):.2f} to {max(costs):.2f} ms of CPU per request{left_out}"
    else:
        words = f"invalid: {reasons(blocks.values())}"
    return words + "".join(f" {', '.join(stacks)}: {why}" for why, stacks in _raised(blocks).items())


def _raised(blocks: Mapping[Cell, CostBlock]) -> dict[str, dict[str, None]]:
    """Why requests raised something, with the stacks on which they did."""
    found: dict[str, dict[str, None]] = {}
    for cell, block in blocks.items():
        if why := exceptions.said(block.findings):
            found.setdefault(why, {})[cell.stack] = None
    return found


def reasons(blocks: Iterable[CostBlock]) -> str:
    """The sentences of what makes blocks invalid, each once."""
    found = (one.sentence for block in blocks for one in block.findings if one.severity == "invalid")
    return " ".join(dict.fromkeys(found))
