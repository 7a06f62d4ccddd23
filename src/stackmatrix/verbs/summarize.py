"""Make results/README.md, its charts and results/report.html from the results, and print the table."""

import argparse
from pathlib import Path

from rich.console import Console

from stackmatrix import phrases, store
from stackmatrix.counted import compare_rows
from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.model import Result
from stackmatrix.plan import python_key
from stackmatrix.processes import PROJECT
from stackmatrix.stacks import STACKS
from stackmatrix.summary import MachineSummary, order_of, summarize, tell_skipped
from stackmatrix.tables import capacity_table, counted_table, make_console, overview_table, verdict_table
from stackmatrix.verbs.options import add_results
from stackmatrix.workloads import WORKLOADS

MOST_IN_DETAIL = 8
"""Machines of which everything is printed: with more, who looks for one of them would not find it."""
TEMPLATES = Path(__file__).parents[1] / "templates"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    add_results(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every level of every trial as a table, too")
    parser.add_argument("--parquet", type=Path, metavar="FILE", help="the same table as Parquet")
    parser.add_argument("--hlog", type=Path, metavar="FILE", help="write every histogram in HdrHistogram's log format")


def execute(options: argparse.Namespace) -> int:
    """Read everything, write the pages, print the tables.

    Raises:
        ResultFileError: at the very end, when a file had to be left out.

    """
    folder: Path = options.results.resolve()
    if not folder.is_dir():
        raise ResultsFolderError(f"There is no results folder {folder}: make results with nox -s matrix.")
    results: dict[str, list[Result]] = {}
    broken: list[ResultFileError] = []
    for machine, result in store.read_results(folder):
        if isinstance(result, ResultFileError):
            broken.append(result)
        else:
            results.setdefault(machine, []).append(result)
    machines = [summarize(machine, found) for machine, found in results.items()]
    write_pages(folder, machines, list(results.values()), [str(one) for one in broken])
    write_exports(options, [(machine, result) for machine, found in results.items() for result in found])
    console = make_console()
    is_long = len(machines) > MOST_IN_DETAIL
    for one in machines:
        show(console, one, in_detail=not is_long)
    if is_long:
        console.print("Verdicts, capacities and counts of so many machines are in the page only.")
    console.print(f"Written: {folder / 'README.md'}", soft_wrap=True, highlight=False)
    if broken:
        raise ResultFileError(f"Left out {len(broken)} of the files: " + " ".join(map(str, broken)))
    return 0


def show(console: Console, machine: MachineSummary, *, in_detail: bool) -> None:
    """Print one machine's tables: that which the page begins with, and in detail all others."""
    for workload in machine.workloads:
        if workload.shown:
            console.print(overview_table(machine, workload))
        if not in_detail:
            continue
        for family in machine.families_of(workload.name):
            if not family.figure.is_minor:
                console.print(verdict_table(family))
        if workload.searched:
            console.print(capacity_table(workload.searched))
        if counted := compare_rows(workload.rows):
            console.print(counted_table(counted))
    for sentence in (*map(phrases.refused, machine.refused), *tell_skipped(machine)):
        console.print(sentence, markup=False, highlight=False)


def read_template(name: str) -> str:
    """A template by its file's name."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def write_exports(options: argparse.Namespace, results: list[tuple[str, Result]]) -> None:
    """Write the open formats that were asked for."""
    if not (options.csv or options.parquet or options.hlog):
        return
    from stackmatrix import exports, parquet  # noqa: PLC0415 - not needed without

    rows = [row for machine, result in results for row in exports.tidy(machine, result)]
    if options.csv:
        store.write_atomically(options.csv.resolve(), exports.to_csv(rows).encode())
    if options.parquet:
        store.write_atomically(options.parquet.resolve(), parquet.to_parquet(rows))
    if options.hlog:
        store.write_atomically(options.hlog.resolve(), exports.to_histogram_log(results).encode())


def write_pages(folder: Path, machines: list[MachineSummary], results: list[list[Result]], left_out: list[str]) -> None:
    """Write the results page, its charts, the report, and, for the project's own results, the block in the README.

    ``left_out`` says which files are not shown, and why.
    """
    # Imported here, since drawing takes a second to import and no other verb needs it.
    from stackmatrix import charts, pages, report, reportcharts  # noqa: PLC0415

    drawn: dict[tuple[str, str], str | None] = {}
    for machine in machines:
        for workload in machine.workloads:
            drawn[machine.name, workload.name] = None
            if not workload.pythons:
                continue
            svg = charts.throughput_chart(workload, workload.pythons[-1], WORKLOADS[workload.name].floor_ms)
            if svg is not None:
                name = f"{machine.name}/{workload.name}.svg"
                store.write_atomically(folder / name, svg.encode())
                drawn[machine.name, workload.name] = name
    page = pages.render_results(read_template("results.md"), machines, drawn, left_out)
    store.write_atomically(folder / "README.md", page.encode())
    told = report.report_data(list(zip(machines, results, strict=True)), left_out)
    cells = [row.cell for machine in machines for workload in machine.workloads for row in workload.rows]
    stacks = sorted({cell.stack for cell in cells}, key=order_of(STACKS))
    pythons = sorted({cell.python for cell in cells}, key=python_key)
    specs = reportcharts.report_charts(stacks, pythons)
    html, css, script = (read_template(f"report.{kind}") for kind in ("html", "css", "js"))
    whole = pages.render_report(html, css=css, script=script, data=told, charts=specs)
    store.write_atomically(folder / "report.html", whole.encode())
    readme = PROJECT / "README.md"
    if folder == PROJECT / "results" and readme.exists():
        text = readme.read_text(encoding="utf-8")
        updated = pages.put_headline(text, pages.headline(machines, drawn))
        if updated != text:
            store.write_atomically(readme, updated.encode())
