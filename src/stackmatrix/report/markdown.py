"""Pages from summaries: results/README.md, and the block of the project's README that shows the result. Pure."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import jinja2
from markupsafe import Markup

from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.evidence import strongest_first
from stackmatrix.analysis.stall import Stalled
from stackmatrix.analysis.summary import (
    CellSummary,
    LevelSummary,
    MachineSummary,
    WorkloadSummary,
    tell_skipped,
)
from stackmatrix.matrix.cells import python_key
from stackmatrix.matrix.objectives import SLOS_MS
from stackmatrix.report import about, phrases
from stackmatrix.report.answers import Answer, answer
from stackmatrix.report.columns import columns
from stackmatrix.report.words import NOTHING, number

BEGIN, END = "<!-- results: made by nox -s summarize -->", "<!-- end of results -->"


def figure(level: LevelSummary | None, name: str, digits: int) -> str:
    """A figure of a level, or the sign for why there is none."""
    if level is None:
        return NOTHING
    if level.state != "valid":
        return "\\*" if level.state == "invalid" else "="
    return number(getattr(level, name), digits)


def latencies(level: LevelSummary | None) -> str:
    """The three percentiles of a level."""
    if level is None or level.state != "valid":
        return figure(level, "p50_ms", 0)
    return " / ".join(number(value, 0) for value in (level.p50_ms, level.p95_ms, level.p99_ms))


def link(machine: MachineSummary, row: CellSummary) -> str:
    """The result file, from the results folder."""
    return str(PurePosixPath(machine.name, row.cell.workload, row.cell.stack, f"{row.cell.python}.json"))


def answers(machine: MachineSummary) -> dict[str, tuple[Markup, ...]]:
    """The answer to both questions for each workload that was measured, and what to mind; by workload."""
    found = {workload.name: answer(machine, workload) for workload in machine.workloads}
    return {
        name: tuple(_labelled(label, text) for label, text in _questions(one) if text)
        for name, one in found.items()
        if one.stack or one.python
    }


def _questions(one: Answer) -> list[tuple[str, str]]:
    return [("Which stack?", one.stack), ("Which Python?", one.python), ("Mind:", " ".join(one.mind))]


def _labelled(label: str, text: str) -> Markup:
    return Markup(f"**{label}** {escape(text)}")  # noqa: S704 - escaped


def remarks(workload: WorkloadSummary) -> list[Markup]:
    """Everything that a reader must know beside the numbers: failures, skips and findings."""
    lines = []
    levels = [level for row in workload.rows for level in row.levels]
    if repeated := sum(level.repeated for level in levels):
        invalid = sum(level.state == "invalid" for level in levels)
        lines.append(
            f"{repeated} levels were driven again, since their first attempt was invalid; {invalid} stayed so."
        )
    for row in workload.rows:
        if row.state != "ok":
            lines.append(f"{row.cell.stack} on {row.cell.python}: {row.state}, {row.reason}.".replace("..", "."))
        if row.cost is not None:
            lines += [f"{row.cell.stack} on {row.cell.python}, side by side: {text}" for text in row.cost.remarks]
        for level in row.levels:
            if level.state == "not needed":
                continue
            sign = "\\* " if level.state == "invalid" else ""
            lines += [f"{sign}{row.cell.stack} on {row.cell.python}, {level.name}: {text}" for text in level.remarks]
            if level.failures:
                lines.append(f"{row.cell.stack} on {row.cell.python}, {level.name}: {level.failures} requests failed.")
    return [told(line) for line in lines]


def told(text: str) -> Markup:
    """A sentence from a result file, as it may stand in a page."""
    return Markup(escape(text))  # noqa: S704 - escaped by escape


def escape(text: str) -> str:
    """Text from a result file, harmless in Markdown and in the HTML that is made of it."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\[\]`|!])", r"\\\1", text)


def render_results(
    template: str,
    machines: Sequence[MachineSummary],
    charts: Mapping[tuple[str, str], str],
    left_out: Sequence[str] = (),
) -> str:
    """The whole of results/README.md. ``left_out`` says of each file that is not shown why."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Markdown passes HTML through, and shows entities as what they stand for.
        autoescape=True,
    )
    evidence = strongest_first(machines)
    page = environment.from_string(template).render(
        evidence=evidence,
        machines=[one.machine for one in evidence],
        charts=charts,
        left_out=left_out,
        blocks_to_claim=BLOCKS_TO_CLAIM,
        number=number,
        columns=columns,
        figure=figure,
        latencies=latencies,
        link=link,
        answers=answers,
        remarks=remarks,
        phrases=phrases,
        about=about,
        slos_ms=SLOS_MS,
        told=told,
        tell_skipped=tell_skipped,
    )
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def render_report(template: str, *, css: str, script: str, vega: str, data: object, charts: object) -> str:
    """The whole of results/report.html: one file, with Vega and everything that it shows in it.

    What comes from results is JSON in which nothing can end the element that it stands in (jinja's ``tojson``).
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    own = {"css": css, "script": script, "vega": vega}
    trusted = {name: Markup(text) for name, text in own.items()}  # noqa: S704 - this project's and Vega's own
    return environment.from_string(template).render(data=data, charts=charts, **trusted)


def render_stall(template: str, both: Sequence[Stalled], stall_s: float, window_s: float) -> str:
    """The page that shows one stall under an open and a closed loop."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    opened, closed = both
    page = environment.from_string(template).render(
        open=opened,
        closed=closed,
        stall_s=f"{stall_s:g}",
        window_s=f"{window_s:g}",
        share=lambda one: f"{one.delayed / len(one.response_ms):.1%}",
    )
    return page.strip() + "\n"


def headline(machines: Sequence[MachineSummary], charts: Mapping[tuple[str, str], str]) -> str:
    """The block for the project's README: the newest Python on the machine with the most cells, then the last run."""
    measured = [machine for machine in machines if any(workload.measured for workload in machine.workloads)]
    if not measured:
        return "There are no results yet."
    machine = max(measured, key=lambda one: (sum(len(each.measured) for each in one.workloads), one.runs[-1].started))
    workloads = [workload for workload in machine.workloads if workload.measured]
    python = max((workload.pythons[-1] for workload in workloads), key=python_key)
    heads = [f"{workload.name}: req/s | CPU ms" for workload in workloads]
    lines = [f"| stack (Python {python}) | {' | '.join(heads)} |", "| --- |" + " ---: | ---: |" * len(workloads)]
    stacks = dict.fromkeys(row.cell.stack for workload in workloads for row in workload.measured)
    for stack in stacks:
        cells = []
        for workload in workloads:
            row = next((one for one in workload.measured if (one.cell.stack, one.cell.python) == (stack, python)), None)
            cells += [phrases.plateau(row) if row else NOTHING, number(row.reference_cpu_ms if row else None, 1)]
        lines.append(f"| {stack} | {' | '.join(cells)} |")
    profile = machine.runs[-1].profile
    claim = "" if machine.can_claim else " One trial of each: differences under about 15 % mean nothing."
    where = about.describe(machine.results[0].machine)
    lines += ["", f"Plateau of a closed loop, and CPU per request at 10 users; {where}; profile {profile}.{claim}"]
    for one in machines:
        if one.can_claim:
            lines += ["", f"In blocks, on {escape(one.name)}:", "", *_items(answers(one))]
    pictures = [charts.get((machine.name, workload.name)) for workload in workloads]
    lines += ["", *(f"![Throughput against users](results/{picture})" for picture in pictures[-1:] if picture)]
    return "\n".join(lines)


def _items(found: Mapping[str, Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for name, sentences in found.items():
        lines += [f"- {escape(name)}", *(f"  - {one}" for one in sentences)]
    return lines


def put_headline(readme: str, block: str) -> str:
    """The project's README with the block between its two marks replaced; unchanged where it has no marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}\n{END}{after}" if begin and end else readme
