"""Writes what is made of a results folder: its page and charts, the report, the README's block, and open formats."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.analysis.summary import MachineSummary, order_of, summarize
from stackmatrix.errors import ResultFileError
from stackmatrix.matrix.cells import python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import charts, markdown, svg
from stackmatrix.report.html import charts as report_charts
from stackmatrix.report.html import data
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.system.processes import PROJECT

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Published:
    """What was made of a results folder: results and summaries by machine, and a sentence for each unreadable file."""

    results: dict[str, list[Result]]
    machines: tuple[MachineSummary, ...]
    left_out: tuple[str, ...]

    def write_exports(self, csv: Path | None, parquet: Path | None, histogram_log: Path | None) -> None:
        """Write the open formats that have a path."""
        if not (csv or parquet or histogram_log):
            return
        # pyarrow takes longer to import than all results of a machine take to read.
        from stackmatrix.report import exports  # noqa: PLC0415

        every = [(machine, result) for machine, found in self.results.items() for result in found]
        if csv or parquet:
            table = exports.tidy(every)
            for path, encode in ((csv, exports.to_csv), (parquet, exports.to_parquet)):
                if path is not None:
                    store.write_atomically(path.resolve(), encode(table))
        if histogram_log:
            store.write_atomically(histogram_log.resolve(), exports.to_histogram_log(every).encode())


def publish(folder: Path, draw: Callable[[Sequence[svg.Spec]], Future[list[str]]]) -> Published:
    """Read all results below a folder, and write everything that people read. ``draw`` makes SVG of charts."""
    results: dict[str, list[Result]] = {}
    left_out = []
    for machine, result in store.read_results(folder):
        if isinstance(result, ResultFileError):
            left_out.append(str(result))
        else:
            results.setdefault(machine, []).append(result)
    machines = tuple(summarize(machine, found) for machine, found in results.items())
    specs = charts.throughput_charts(machines)
    drawn = draw(list(specs.values()))
    names = {key: "/".join(key) + ".svg" for key in specs}
    _write_page(folder, machines, names, left_out)
    _write_report(folder, machines, left_out)
    for name, chart in zip(names.values(), drawn.result(), strict=True):
        store.write_atomically(folder / name, chart.encode())
    return Published(results, machines, tuple(left_out))


def _read_template(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _write_page(
    folder: Path, machines: Sequence[MachineSummary], names: Mapping[tuple[str, str], str], left_out: Sequence[str]
) -> None:
    """Write the results page, and, for the project's own results, the block in the README."""
    page = markdown.render_results(_read_template("templates/results.md"), machines, names, left_out)
    store.write_atomically(folder / "README.md", page.encode())
    readme = PROJECT / "README.md"
    if folder == PROJECT / "results" and readme.exists():
        text = readme.read_text(encoding="utf-8")
        updated = markdown.put_headline(text, markdown.headline(machines, names))
        if updated != text:
            store.write_atomically(readme, updated.encode())


def _write_report(folder: Path, machines: Sequence[MachineSummary], left_out: Sequence[str]) -> None:
    cells = [row.cell for machine in machines for workload in machine.workloads for row in workload.rows]
    stacks = sorted({cell.stack for cell in cells}, key=order_of(STACKS))
    pythons = sorted({cell.python for cell in cells}, key=python_key)
    html, css, script = (_read_template(f"html/report.{kind}") for kind in ("html", "css", "js"))
    whole = markdown.render_report(
        html,
        css=css,
        script=script,
        vega=svg.bundle(),
        data=data.report_data(machines, left_out),
        charts=report_charts.report_charts(stacks, pythons),
    )
    store.write_atomically(folder / "report.html", whole.encode())
