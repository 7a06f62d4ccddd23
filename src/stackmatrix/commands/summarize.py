"""Make results/README.md, its charts and results/report.html from the results, and print the table."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from stackmatrix.analysis.summary import MachineSummary, order_of, summarize, tell_skipped
from stackmatrix.commands.options import add_results
from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.matrix.cells import python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import markdown, phrases
from stackmatrix.report.terminal import capacity_table, counted_table, make_console, overview_table, verdict_table
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.system.processes import PROJECT

MOST_IN_DETAIL = 8
"""Machines of which everything is printed: with more, who looks for one of them would not find it."""
REPORT = Path(__file__).parents[1] / "report"


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
    # Imported here, since what draws takes half a second to import and no other verb needs it.
    from stackmatrix.report import charts
    from stackmatrix.report import svg as drawing

    with drawing.drawn_beside() as draw:
        results: dict[str, list[Result]] = {}
        broken: list[ResultFileError] = []
        for machine, result in store.read_results(folder):
            if isinstance(result, ResultFileError):
                broken.append(result)
            else:
                results.setdefault(machine, []).append(result)
        machines = [summarize(machine, found) for machine, found in results.items()]
        specs = charts.throughput_charts(machines)
        drawn = draw(list(specs.values()))
        names = {key: "/".join(key) + ".svg" for key in specs}
        left_out = [str(one) for one in broken]
        write_page(folder, machines, names, left_out)
        write_exports(options, [(machine, result) for machine, found in results.items() for result in found])
        show_all(machines)
        write_report(folder, list(zip(machines, results.values(), strict=True)), left_out)
        for name, svg in zip(names.values(), drawn.result(), strict=True):
            store.write_atomically(folder / name, svg.encode())
    print(f"Written: {folder / 'README.md'}")
    if broken:
        raise ResultFileError(f"Left out {len(broken)} of the files: " + " ".join(left_out))
    return 0


def show_all(machines: Sequence[MachineSummary]) -> None:
    """Print the tables of all machines."""
    console = make_console()
    is_long = len(machines) > MOST_IN_DETAIL
    for one in machines:
        show(console, one, in_detail=not is_long)
    if is_long:
        console.print("Verdicts, capacities and counts of so many machines are in the page only.")


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
        if workload.counted:
            console.print(counted_table(workload.counted))
    for sentence in (*map(phrases.refused, machine.refused), *tell_skipped(machine)):
        console.print(sentence, markup=False, highlight=False)


def read_template(name: str) -> str:
    """A template by its place in the report's package."""
    return (REPORT / name).read_text(encoding="utf-8")


def write_exports(options: argparse.Namespace, results: list[tuple[str, Result]]) -> None:
    """Write the open formats that were asked for."""
    if not (options.csv or options.parquet or options.hlog):
        return
    from stackmatrix.report import (
        exports,
        parquet,
    )

    rows = [row for machine, result in results for row in exports.tidy(machine, result)]
    if options.csv:
        store.write_atomically(options.csv.resolve(), exports.to_csv(rows).encode())
    if options.parquet:
        store.write_atomically(options.parquet.resolve(), parquet.to_parquet(rows))
    if options.hlog:
        store.write_atomically(options.hlog.resolve(), exports.to_histogram_log(results).encode())


def write_page(
    folder: Path, machines: Sequence[MachineSummary], charts: Mapping[tuple[str, str], str], left_out: Sequence[str]
) -> None:
    """Write the results page, and, for the project's own results, the block in the README.

    ``left_out`` says which files are not shown, and why.
    """
    page = markdown.render_results(read_template("templates/results.md"), machines, charts, left_out)
    store.write_atomically(folder / "README.md", page.encode())
    readme = PROJECT / "README.md"
    if folder == PROJECT / "results" and readme.exists():
        text = readme.read_text(encoding="utf-8")
        updated = markdown.put_headline(text, markdown.headline(machines, charts))
        if updated != text:
            store.write_atomically(readme, updated.encode())


def write_report(
    folder: Path, machines: Sequence[tuple[MachineSummary, Sequence[Result]]], left_out: Sequence[str]
) -> None:
    """Write the report."""
    # Imported here for the same reason as what draws.
    from stackmatrix.report import svg as drawing
    from stackmatrix.report.html import charts as reportcharts
    from stackmatrix.report.html import data

    told = data.report_data(machines, left_out)
    cells = [row.cell for machine, _ in machines for workload in machine.workloads for row in workload.rows]
    stacks = sorted({cell.stack for cell in cells}, key=order_of(STACKS))
    pythons = sorted({cell.python for cell in cells}, key=python_key)
    shown = reportcharts.report_charts(stacks, pythons)
    html, css, script = (read_template(f"html/report.{kind}") for kind in ("html", "css", "js"))
    whole = markdown.render_report(html, css=css, script=script, vega=drawing.bundle(), data=told, charts=shown)
    store.write_atomically(folder / "report.html", whole.encode())
