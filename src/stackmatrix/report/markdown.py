"""Pages from summaries: results/README.md, and the block of the project's README that shows the result. Pure."""

import re
from collections.abc import Mapping, Sequence

import jinja2
from markupsafe import Markup

from stackmatrix.analysis.comparison.verdicts import BLOCKS_TO_CLAIM
from stackmatrix.analysis.evidence import strongest_first
from stackmatrix.analysis.stall import StallWindow
from stackmatrix.analysis.summary import MachineSummary, WorkloadSummary
from stackmatrix.matrix.cells import python_key
from stackmatrix.report import environment, tables, words
from stackmatrix.report.answers import answer
from stackmatrix.report.table import escape, safe

BEGIN, END = "<!-- results: made by nox -s summarize -->", "<!-- end of results -->"


def answers(machine: MachineSummary) -> dict[str, tuple[Markup, ...]]:
    """The answers to both questions for each workload that was measured, and what to mind; by workload."""
    found = {}
    for workload in machine.workloads:
        one = answer(machine, workload)
        labelled = {"Which stack?": one.stack, "Which Python?": one.python, "Mind:": " ".join(one.mind)}
        if one.stack or one.python:
            lines = (Markup("**{}** {}").format(label, safe(text)) for label, text in labelled.items() if text)
            found[workload.name] = tuple(lines)
    return found


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
        cell = f"{row.cell.stack} on {row.cell.python}"
        if row.state != "ok":
            lines.append(f"{cell}: {row.state}, {row.reason}.".replace("..", "."))
        if row.cost is not None:
            lines += [f"{cell}, side by side: {text}" for text in row.cost.remarks]
        for level in row.levels:
            if level.state == "not needed":
                continue
            sign = "\\* " if level.state == "invalid" else ""
            lines += [f"{sign}{cell}, {level.name}: {text}" for text in level.remarks]
            if level.failures:
                lines.append(f"{cell}, {level.name}: {level.failures} requests failed.")
    return [safe(line) for line in lines]


def _render(template: str, **shown: object) -> str:
    """A template with what it shows. Markdown passes HTML through, so it is escaped as HTML is."""
    pages = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return pages.from_string(template).render(**shown)


def render_results(
    template: str,
    machines: Sequence[MachineSummary],
    charts: Mapping[tuple[str, str], str],
    left_out: Sequence[str] = (),
) -> str:
    """The whole of results/README.md. ``left_out`` has the reason for each file that is not shown."""
    evidence = strongest_first(machines)
    page = _render(
        template,
        evidence=evidence,
        machines=[one.machine for one in evidence],
        charts=charts,
        left_out=left_out,
        blocks_to_claim=BLOCKS_TO_CLAIM,
        answers=answers,
        remarks=remarks,
        tables=tables,
        words=words,
        environment=environment,
        safe=safe,
    )
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def render_report(template: str, *, css: str, script: str, vega: str, data: object, charts: object) -> str:
    """The whole of results/report.html: one file, with Vega and everything that it shows in it.

    What comes from results is JSON in which nothing can end the element that it stands in (jinja's ``tojson``).
    """
    own = {"css": css, "script": script, "vega": vega}
    trusted = {name: Markup(text) for name, text in own.items()}  # noqa: S704 - this project's and Vega's own
    return _render(template, data=data, charts=charts, **trusted)


def render_stall(template: str, both: Sequence[StallWindow], stall_s: float, window_s: float) -> str:
    """The page that shows one stall under an open and a closed loop."""
    opened, closed = both
    shown = {"open": opened, "closed": closed, "table": tables.stall_table(both).to_markdown()}
    return _render(template, stall_s=f"{stall_s:g}", window_s=f"{window_s:g}", **shown).strip() + "\n"


def headline(machines: Sequence[MachineSummary], charts: Mapping[tuple[str, str], str]) -> str:
    """The block for the project's README: the newest Python on the machine with the most cells, then the last run."""
    measured = [machine for machine in machines if any(workload.measured for workload in machine.workloads)]
    if not measured:
        return "There are no results yet."
    machine = max(measured, key=lambda one: (sum(len(each.measured) for each in one.workloads), one.runs[-1].started))
    workloads = [workload for workload in machine.workloads if workload.measured]
    python = max((workload.pythons[-1] for workload in workloads), key=python_key)
    lines = [tables.headline_table(workloads, python).to_markdown(), ""]
    profile = machine.runs[-1].profile
    claim = "" if machine.can_claim else " One trial of each: differences under about 15 % mean nothing."
    where = environment.describe(machine.results[0].machine)
    lines.append(f"Plateau of a closed loop, and CPU per request at 10 users; {where}; profile {profile}.{claim}")
    for one in machines:
        if one.can_claim:
            lines += ["", f"In blocks, on {escape(one.name)}:", ""]
            for name, sentences in answers(one).items():
                lines += [f"- {escape(name)}", *(f"  - {sentence}" for sentence in sentences)]
    pictures = [charts.get((machine.name, workload.name)) for workload in workloads]
    lines += ["", *(f"![Throughput against users](results/{picture})" for picture in pictures[-1:] if picture)]
    return "\n".join(lines)


def put_headline(readme: str, block: str) -> str:
    """The project's README with the block between its two marks replaced; unchanged where it has no marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}\n{END}{after}" if begin and end else readme
