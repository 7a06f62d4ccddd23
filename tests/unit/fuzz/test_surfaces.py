"""Whatever anybody calls anything, every surface shows it as text, and reads back what was shown."""

import csv
import io
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from stackmatrix import cli
from stackmatrix.analysis.history import History, history_of
from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.commands.comparing.publish import annotation
from stackmatrix.outside.documents import write_json
from stackmatrix.outside.text import one_line, visible, why_no_name
from stackmatrix.report import charts, exports, markdown, verdicts
from stackmatrix.report.comparison import exports as comparison_exports
from stackmatrix.report.comparison import markdown as comparison_markdown
from stackmatrix.report.comparison.terminal import print_comparison
from stackmatrix.report.html.charts import report_charts
from stackmatrix.report.html.data import report_data
from stackmatrix.report.literal import LONGEST_ON_A_PAGE, in_a_log, literal, spreadsheet
from stackmatrix.report.table import Column, Table
from stackmatrix.report.terminal import Screen, print_answer
from stackmatrix.results import codec, comparison
from stackmatrix.results.comparison import ComparisonDocument, GateVerdict
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Result, Status
from tests import hostile
from tests.compared import document, figure
from tests.hostile import fuzzed, need_text
from tests.made_up import make_results

TEMPLATES = Path(markdown.__file__).parent / "templates"
FIRST, MACHINE = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("results.md", "machine.md"))
REPORT = (Path(markdown.__file__).parent / "html" / "report.html").read_text(encoding="utf-8")


class Elements(HTMLParser):
    """The elements of a page, where its links lead, its texts, and how many cells each row has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.cells: list[list[int]] = []
        self.attributes: set[str] = set()
        self.scripts: list[str] = []
        self._is_script = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self._is_script = tag == "script"
        self.scripts += [""] if self._is_script else []
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "table":
            self.cells.append([])
        if tag == "tr":
            self.cells[-1].append(0)
        if tag in ("td", "th"):
            self.cells[-1][-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self._is_script = self._is_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._is_script:
            self.scripts[-1] += data
        else:
            self.texts.append(data)


def rendered(text: str) -> Elements:
    """Markdown as it is shown, with the HTML in it."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return Elements(parser.render(text))


def read(texts: Sequence[str]) -> str:
    return " ".join("".join(texts).replace("\u200b", "").split())


@fuzzed(150)
@given(hostile.texts)
def test_a_text_in_markdown_is_read_as_it_is_wherever_it_stands(text: str) -> None:
    shown = literal(text)
    need_text(shown, allowed="")
    assert not re.search(r"@\w|://|www\.|<!--", shown)
    assume(shown.strip())
    for place, elements in (
        ("{}", {"p"}),
        ("- {}", {"ul", "li", "p"}),
        ("### {}", {"h3"}),
        ("**{}** b", {"p", "strong"}),
    ):
        page = rendered(place.format(shown))
        assert set(page.seen) <= elements, place
        assert read(page.texts) == read(
            [place.replace("- ", "").replace("### ", "").replace("**", "").format(one_line(text))]
        )


@fuzzed(80)
@given(st.lists(st.tuples(hostile.texts, hostile.texts), min_size=1, max_size=4))
def test_a_table_has_as_many_cells_in_each_row_and_every_text_is_read_back(rows: list[tuple[str, str]]) -> None:
    table = Table((Column[tuple[str, str]]("a|b", lambda row: row[0]), Column("c", lambda row: row[1])), rows)
    page = rendered(str(table.to_markdown()))
    assert set(page.seen) <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.cells == [[2] * (len(rows) + 1)]
    shown = read(page.texts)
    for text in (one for row in rows for one in row):
        assert one_line(text, LONGEST_ON_A_PAGE) in shown


@fuzzed(80)
@given(hostile.texts, hostile.texts)
def test_a_terminal_gets_nothing_but_text(text: str, other: str) -> None:
    output = io.StringIO()
    screen = Screen(width=100, file=output)
    screen.print(text)
    screen.print(text, soft_wrap=True)
    screen.print(Table((Column[str](other, lambda row: row),), [text, other], title=text, note=other))
    need_text(output.getvalue())
    need_text(visible(text), allowed="\n\t")


@fuzzed(60)
@given(hostile.texts)
def test_an_error_of_any_words_is_text(text: str) -> None:
    shown = visible(f"stackmatrix: {text}")
    need_text(shown, allowed="\n\t")
    assert not in_a_log(text).startswith("::")


@fuzzed(80)
@given(hostile.texts)
def test_a_cell_of_csv_is_no_formula_and_stays_on_its_line(text: str) -> None:
    cell = spreadsheet(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    output = io.StringIO()
    csv.writer(output, lineterminator="\r\n").writerow([cell, "b"])
    assert list(csv.reader(io.StringIO(output.getvalue()))) == [[cell, "b"]]
    need_text(cell, allowed="")


@fuzzed(80)
@given(st.dictionaries(hostile.texts, st.one_of(hostile.texts, st.lists(hostile.texts, max_size=3)), max_size=3))
def test_json_that_is_written_is_read_back_and_has_nothing_that_is_not_seen(content: dict[str, Any]) -> None:
    for shown in (write_json(content), write_json(content, indent=1)):
        assert json.loads(shown) == content
        need_text(shown)


def test_half_a_character_from_a_files_name_can_be_written() -> None:
    assert json.loads(write_json({"\udcff": "a\udc80"}).encode()) == {"?": "a?"}


RESULTS = make_results(
    ("uvicorn", "gunicorn_100_threads"), ("3.12", "3.13"), ("fanout",), blocks=3, counts=True, stops=True
)


def infested(results: Sequence[Result], text: str, other: str) -> list[Result]:
    """Everything that a file says in words is hostile."""
    replace = msgspec.structs.replace

    # Names of folders come from a path, and have been looked at.
    stack, workload = (one if why_no_name(one) is None else "w" for one in (text, other))

    def named(name: str) -> str:
        return stack if name == "uvicorn" else name

    found = []
    for one in results:
        assert one.conditions is not None
        build = replace(one.conditions.environment.python, version=other, compiler=text, origin=other)
        environment = replace(
            one.conditions.environment, packages={"django": text, text: other}, command=(text, other), python=build
        )
        machine = replace(one.conditions.machine, cpu_model=text, kernel=other, os=text, governor=other, cpu_id=text)
        runs = tuple(replace(run, profile=text, kinds=(other,), git_commit=text) for run in one.runs)
        findings = (Finding(code=other, severity="note", sentence=text),)
        found.append(
            replace(
                one,
                cell=replace(one.cell, stack=named(one.cell.stack), workload=workload),
                status=Status(state="failed", reason=text),
                conditions=replace(one.conditions, machine=machine, environment=environment),
                runs=runs,
                cost=tuple(replace(block, findings=findings, started=text) for block in one.cost),
                ramps=tuple(replace(block, failure=text, started=other) for block in one.ramps[:1]) + one.ramps[1:],
            )
        )
    return found


def summarized(text: str, other: str, name: str) -> MachineSummary:
    return summarize(name, infested(RESULTS, text, other))


OURS = {
    "h1", "h2", "p", "strong", "em", "ul", "ol", "li", "a", "table", "thead", "tbody", "tr", "th", "td", "details",
    "summary", "code", "img",
}  # fmt: skip
names = hostile.texts.filter(lambda one: why_no_name(one) is None)


@fuzzed(12)
@given(
    hostile.texts, hostile.texts, st.one_of(names, st.sampled_from(["javascript:alert(1)", "a|b](x)", "<b>", "`m`"]))
)
def test_pages_of_results_have_only_their_own_elements_and_links(text: str, other: str, name: str) -> None:
    machine = summarized(text, other, name)
    past = history_of(RESULTS, [])
    pages = [
        markdown.render_results(FIRST, [machine], [f"{text}: cannot be read"]),
        markdown.render_machine(MACHINE, machine, [f"{name}/{other}-cpu.svg"], past),
        markdown.headline([machine]),
    ]
    for page in pages:
        need_text(page)
        shown = rendered(page)
        assert set(shown.seen) <= OURS
        assert shown.attributes <= {"id", "href", "src", "alt", "style", "start"}
        for row in shown.cells:
            assert len({*row}) == 1
        for link in shown.links:
            assert re.match(r"(\.\./|[^:/?#]+[/#?]|[\w.%~-]+\.(md|html|json|svg)|[\w.-]+$)", link), link


@fuzzed(5)
@given(hostile.texts, hostile.texts, names)
def test_the_report_is_one_page_whose_data_is_json_and_whose_scripts_are_its_own(
    text: str, other: str, name: str
) -> None:
    machine = summarized(text, other, name)
    data = report_data([machine], [text], {name: History()})
    page = markdown.render_report(REPORT, css="", script="ours()", vega="vega()", data=data, charts=report_charts())
    shown = Elements(page)
    need_text(page)
    assert [json.loads(one) for one in shown.scripts[:2]] == [json.loads(json.dumps(data)), report_charts()]
    assert [one.strip() for one in shown.scripts[2:]] == ["vega()", "ours()"]
    assert "img" not in shown.seen
    for workload in data["machines"][0]["workloads"]:
        for row in (*workload["ranking"]["rows"], *workload["stops"]["rows"]):
            assert re.fullmatch(r"[\w.~%/+@=,-]+", row["data"])


@fuzzed(8)
@given(hostile.texts, hostile.texts, names)
def test_verdicts_charts_and_the_answer_of_hostile_results_are_text(text: str, other: str, name: str) -> None:
    machine = summarized(text, other, name)
    written = verdicts.encode(machine).decode()
    assert json.loads(written)["machine"] == name
    need_text(written)
    json.dumps(charts.static_charts([machine]))
    output = io.StringIO()
    print_answer(Screen(width=120, file=output), machine)
    need_text(output.getvalue())


@fuzzed(8)
@given(hostile.texts, hostile.texts, names)
def test_open_formats_of_hostile_results_have_their_columns(text: str, other: str, name: str) -> None:
    results = [(name, one) for one in infested(RESULTS, text, other)[:2]]
    table: pa.Table = exports.tidy(results)
    lines = list(csv.reader(io.StringIO(exports.to_csv(table).decode())))
    assert {len(line) for line in lines} == {len(exports.SCHEMA)}
    assert len(lines) == len(table) + 1
    assert not any(cell.startswith(("=", "+", "@", "\t")) for line in lines for cell in line[:-1])
    log = exports.to_histogram_log(results)
    need_text(log)
    assert {line.count(",") for line in log.splitlines()[3:]} <= {4}


def compared(text: str, other: str) -> ComparisonDocument:
    sites: dict[str, Any] = {"workload": text, "stack": other, "other_stack": other, "caution": text, "machine": other}
    whole = document(figure("cpu", **sites), figure("instructions", **sites))
    gate = GateVerdict(outcome="regression", sentence=text, threshold=0.05, fails_on=("regression",), figures=())
    return msgspec.structs.replace(
        whole,
        app=text,
        machine=other,
        base=msgspec.structs.replace(whole.base, title=text),
        head=msgspec.structs.replace(whole.head, title=other),
        sentences=(text, other),
        command=f"nox -s compare -- {text}",
        gate=gate,
    )


@fuzzed(50)
@given(hostile.texts, hostile.texts)
def test_a_comparison_of_anything_is_text_in_every_form(text: str, other: str) -> None:
    whole = compared(text, other)
    for page in (comparison_markdown.page(whole), comparison_markdown.comment(whole)):
        need_text(page)
        before, _, repeated = page.rpartition("To repeat it by hand")
        assert not re.search(r"@\w|<!--", before)
        assert len(re.findall("^<!-- stackmatrix: [a-z0-9-]{1,60} -->$", repeated, re.MULTILINE)) <= 1
        assert {len({*rows}) for rows in rendered(page).cells} <= {1}
    lines = list(csv.reader(io.StringIO(comparison_exports.to_csv(whole).decode())))
    assert {len(line) for line in lines} == {len(lines[0])}
    for form in (
        comparison_exports.to_bencher(whole),
        comparison_exports.to_benchmark(whole),
        comparison.encode(whole),
    ):
        json.loads(form)
        need_text(form.decode())
    assert whole.gate is not None
    assert annotation(whole.gate).count("\n") == 0
    output = io.StringIO()
    print_comparison(Screen(width=140, file=output), whole, Path("/nowhere"))
    need_text(output.getvalue())
    assert not re.search(r"^::", output.getvalue(), re.MULTILINE)


@fuzzed(30)
@given(hostile.texts, hostile.texts)
def test_a_result_is_written_and_read_as_it_was_whatever_its_words_are(text: str, other: str) -> None:
    for result in infested(RESULTS, text, other)[:1]:
        data = codec.encode(result)
        need_text(data.decode())
        assert codec.decode(data, "a.json") == result


@fuzzed(30)
@given(hostile.texts)
def test_a_name_that_a_folder_can_have_stays_below_the_results(name: str) -> None:
    assume(why_no_name(name) is None)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / name
        made.mkdir()
        assert [one.name for one in Path(folder).iterdir()] == [name]
        need_text(name, allowed="")


@pytest.mark.parametrize("text", [one for one in hostile.TEXTS if "\0" not in one])
def test_options_of_anything_are_refused_in_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["run", "--machine", f"../{text}"],
        ["run", "--stacks", f"x{text}"],
        ["run", "--pythons", f"x{text}"],
    ):
        assert cli.main([*arguments, "--list"]) in {0, 2}
        need_text(capsys.readouterr().err, allowed="\n\t")


@pytest.mark.parametrize("name", ["Signed-off-by: Somebody <a@b.c>", "Co-authored-by: x", "#1", "- x: y"])
def test_no_name_of_a_machine_is_a_trailer_of_a_commit(name: str) -> None:
    assert why_no_name(name) is None or name.startswith("-")
    message = f"Measure 1 cells on {name}\n\n- {name}/fanout/uvicorn/3.13.json\n"
    asked = ["git", "interpret-trailers", "--parse"]
    assert subprocess.run(asked, input=message, capture_output=True, text=True, check=True).stdout == ""
