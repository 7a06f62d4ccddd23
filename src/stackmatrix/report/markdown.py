"""Pages from summaries: the first page of the results, one for each machine, and the block of the README. Pure.

Whatever comes from result files is escaped: Markdown passes HTML through.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.analysis.evidence import published, strongest_first
from stackmatrix.analysis.history import NO_HISTORY, History
from stackmatrix.analysis.stall import StallWindow
from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.report import costs, details, environment, history, links, many, origins, stops, tables, unsaid, words
from stackmatrix.report.html.keys import verdict_link
from stackmatrix.report.literal import safe
from stackmatrix.report.statements import further, numbered, statements

BEGIN, END = "<!-- results: made by nox -s summarize -->", "<!-- end of results -->"
NO_RESULTS = "There are no results yet: `nox -s matrix` makes some."


def _render(template: str, **shown: object) -> str:
    """A template with what it shows, escaped as HTML is."""
    pages = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return pages.from_string(template).render(**shown)


def _page(template: str, **shown: object) -> str:
    """A page with no more than one empty line at a time."""
    known = {"answer": answer, "details": details, "links": links, "origins": origins, "quote": quote, "safe": safe}
    whole = _render(template, words=words, tables=tables, stops=stops, **known, **shown)
    return re.sub(r"\n{3,}", "\n\n", whole).strip() + "\n"


def answer(machine: MachineSummary, below: str = "") -> Markup:
    """The statements as a numbered list, each with a link to its evidence; ``below`` is where the results folder is.

    What to choose stands before the list, and further statements are folded behind it.
    """
    shown: list[Markup] = []
    folded: list[Markup] = []
    for place, one in numbered(statements(machine)):
        told = Markup("**{}** {} ([evidence]({}{}))").format(safe(one.lead), safe(one.text), below, one.evidence)
        line = Markup("{}\n").format(told) if place is None else Markup("{}. {}").format(place, told)
        (folded if one.is_folded else shown).append(line)
    if folded:
        fold = Markup("\n<details><summary>{}</summary>\n\n{}\n\n</details>")
        shown.append(fold.format(further(len(folded)), Markup("\n").join(folded)))
    return Markup("\n").join(shown)


def render_results(
    template: str, machines: Sequence[MachineSummary], left_out: Sequence[str] = (), named: str | None = None
) -> str:
    """The whole of results/README.md. ``left_out`` has the reason for each file that is not shown.

    The answer is of one machine, that which is ``named`` or has the most evidence.
    """
    evidence, first = strongest_first(machines), published(machines, named)
    about = environment.describe(first.machine) if first is not None and first.machine is not None else ""
    return _page(template, evidence=evidence, first=first, about=about, left_out=left_out, no_results=NO_RESULTS)


def render_machine(template: str, machine: MachineSummary, charts: Iterable[str], past: History = NO_HISTORY) -> str:
    """The page of one machine. ``charts`` are the paths of its charts, from the results folder."""

    def link(family: Family) -> object:
        def of(one: Comparison) -> str:
            return f"../{verdict_link(machine.name, family, one)}"

        return of

    return _page(
        template,
        machine=machine,
        charts=[path.removeprefix(f"{machine.name}/") for path in charts if path.startswith(f"{machine.name}/")],
        conditions=environment.conditions(machine),
        flags=environment.flags(machine.results),
        unsaid=unsaid,
        link=link,
        history=history,
        past=past,
    )


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
    shown = {"open": opened, "closed": closed, "table": details.stall_table(both).to_markdown()}
    return _render(template, stall_s=f"{stall_s:g}", window_s=f"{window_s:g}", **shown).strip() + "\n"


def headline(machines: Sequence[MachineSummary], named: str | None = None) -> str:
    """The block for the project's README: the published machine's statements, and what each stack costs by Python."""
    machine = published(machines, named)
    if machine is None or machine.machine is None:
        return NO_RESULTS
    below = "results/"
    lines = [str(answer(machine, below)), *_from_others(machine, machines, below)]
    table = tables.first_table(machine)
    if table is not None:
        lines += [
            "",
            f"{table.title}:",
            "",
            str(table.to_markdown()),
            *(["", str(safe(table.note))] if table.note else []),
        ]
        count = max(len(workload.stacks) for workload in machine.workloads)
        lines += ["", _all_of_them(machine, count, below)] if len(table.rows) < count else []
    page = quote(f"results/{machine.name}/{links.PAGE}")
    where = safe(f"{machine.name}: {environment.describe(machine.machine)}")
    lines += ["", f"Measured on [{where}]({page}); intervals are of 95 %, those of verdicts simultaneously."]
    return "\n".join(lines)


def _from_others(machine: MachineSummary, machines: Sequence[MachineSummary], below: str) -> list[str]:
    """What other results say of Pythons, where the published ones say nothing."""
    said = {
        one.name: next((each for each in statements(one) if each.lead == costs.WHICH_PYTHON), None) for one in machines
    }
    if said[machine.name] is not None:
        return []
    told = Markup("\n**{}** From [other results]({}{}): {}")
    return [
        str(told.format(safe(one.lead), below, one.evidence, safe(one.text)))
        for other in strongest_first(machines)
        if (one := said[other.machine.name]) is not None
    ][:1]


def _all_of_them(machine: MachineSummary, count: int, below: str) -> str:
    """Which stacks stand in a table that has not all, and where all are."""
    page = links.on_page(machine.name, links.workload(machine.workloads[0].name))
    return (
        f"Of {count} stacks these are the cheapest {many.ENDS}, the dearest {many.ENDS}, those that are measured by "
        f"default, and two that are often asked for. [All of them]({below}{page})."
    )


def put_headline(readme: str, block: str) -> str:
    """The project's README with the block between its two marks replaced; unchanged where it has no marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}\n{END}{after}" if begin and end else readme
