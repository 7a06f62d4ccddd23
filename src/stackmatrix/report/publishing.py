"""Writes what is made of a results folder: pages, charts, the report, the verdicts as data, and open formats."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.analysis.evidence import published
from stackmatrix.analysis.history import NO_HISTORY, History, history_of
from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.outside import files
from stackmatrix.report import charts, markdown, svg, verdicts
from stackmatrix.report.html import charts as report_charts
from stackmatrix.report.html import data
from stackmatrix.results import store, writing
from stackmatrix.results.model import Result
from stackmatrix.system import git_files
from stackmatrix.system.processes import PROJECT

HERE = Path(__file__).parent
NAMED = "published.txt"
"""In the results folder: the name of the machine whose results answer on the first page, where it is to be another
than that with the most evidence."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was made of a results folder: results and summaries by machine, and a sentence for each unreadable file.

    ``first`` is the machine whose results answer on the first page.
    """

    results: dict[str, list[Result]]
    machines: tuple[MachineSummary, ...]
    left_out: tuple[str, ...]
    first: MachineSummary | None

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
                    writing.write_atomically(path.resolve(), encode(table))
        if histogram_log:
            writing.write_atomically(histogram_log.resolve(), exports.to_histogram_log(every).encode())


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
    specs = charts.static_charts(machines)
    drawn = draw(list(specs.values()))
    named = _named(folder)
    past = _read_past(folder, results)
    _write_pages(folder, machines, list(specs), left_out, named, past)
    _write_report(folder, machines, left_out, past)
    for name, chart in zip(specs, drawn.result(), strict=True):
        store.write_below(folder, name, chart.encode())
    return Published(results, machines, tuple(left_out), published(machines, named))


def _read_past(folder: Path, results: Mapping[str, Sequence[Result]]) -> dict[str, History]:
    """The history of each machine's cells, from what git keeps of their files."""
    every = [(machine, result) for machine, found in results.items() for result in found]
    wanted = {store.path_of(Path(), machine, result.cell).as_posix() for machine, result in every}
    found = git_files.versions(folder, wanted)
    if found is None:
        return dict.fromkeys(results, NO_HISTORY)
    earlier: dict[str, list[Result]] = {machine: [] for machine in results}
    left_out = dict.fromkeys(results, 0)
    for machine, version in store.decode_results(found):
        if isinstance(version, ResultFileError):
            left_out[machine] += 1
        else:
            earlier[machine].append(version)
    return {machine: history_of(some, earlier[machine], left_out[machine]) for machine, some in results.items()}


def _named(folder: Path) -> str | None:
    path = folder / NAMED
    if not path.is_file():
        return None
    try:
        return files.read_text(path, files.MOST_SETTINGS_BYTES).strip()
    except OSError as error:
        raise ResultsFolderError(f"{path} cannot be read: {error.strerror}. It has the name of a machine.") from error


def _read_template(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _write_pages(
    folder: Path,
    machines: Sequence[MachineSummary],
    names: Sequence[str],
    left_out: Sequence[str],
    named: str | None,
    past: Mapping[str, History],
) -> None:
    """Write the first page, each machine's page and verdicts, and for the project's own results the README's block."""
    first = markdown.render_results(_read_template("templates/results.md"), machines, left_out, named)
    store.write_below(folder, "README.md", first.encode())
    template = _read_template("templates/machine.md")
    for machine in machines:
        page = markdown.render_machine(template, machine, names, past[machine.name])
        store.write_below(folder, f"{machine.name}/README.md", page.encode())
        store.write_below(folder, f"{machine.name}/verdicts.json", verdicts.encode(machine))
    readme = PROJECT / "README.md"
    if folder == PROJECT / "results" and readme.exists():
        text = readme.read_text(encoding="utf-8")
        updated = markdown.put_headline(text, markdown.headline(machines, named))
        if updated != text:
            writing.write_atomically(readme, updated.encode())


def _write_report(
    folder: Path, machines: Sequence[MachineSummary], left_out: Sequence[str], past: Mapping[str, History]
) -> None:
    html, css, script = (_read_template(f"html/report.{kind}") for kind in ("html", "css", "js"))
    whole = markdown.render_report(
        html,
        css=css,
        script=script,
        vega=svg.bundle(),
        data=data.report_data(machines, left_out, past),
        charts=report_charts.report_charts(),
    )
    store.write_below(folder, "report.html", whole.encode())
