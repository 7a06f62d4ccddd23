"""Pages show what the results say, harmless, always the same, and every link of theirs leads somewhere."""

import re
import shutil
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from stackmatrix.analysis.summary import MachineSummary, summarize
from stackmatrix.matrix.cells import Cell
from stackmatrix.report import markdown, publishing, svg
from stackmatrix.report.statements import numbered, statements
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Result, Status
from stackmatrix.system.processes import PROJECT
from tests.made_up import make_results, write

TEMPLATES = Path(markdown.__file__).parent / "templates"
FIRST, MACHINE = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("results.md", "machine.md"))
STACKS = ("uwsgi_2_threads", "gunicorn_100_threads", "gunicorn_gevent")
SHARED = ("fanout_shared_client",)


@pytest.fixture(scope="module")
def machine() -> MachineSummary:
    return summarize("a-machine", make_results(STACKS, counts=True))


def first(*machines: MachineSummary, left_out: Sequence[str] = (), named: str | None = None) -> str:
    return markdown.render_results(FIRST, machines, left_out, named)


def page_of(machine: MachineSummary) -> str:
    return markdown.render_machine(MACHINE, machine, ())


def test_every_page_begins_with_the_numbered_statements(machine: MachineSummary) -> None:
    found = statements(machine)
    assert len(found) > 5
    for page, below in ((first(machine), ""), (page_of(machine), "../"), (markdown.headline([machine]), "results/")):
        lines = [line for line in page.splitlines() if re.match(r"(\d+\. )?\*\*.*\[evidence\]", line)]
        for line, (place, one) in zip(lines, numbered(found), strict=True):
            assert line.startswith(f"{'' if place is None else f'{place}. '}**{one.lead}** ")
            assert line.endswith(f"([evidence]({below}{one.evidence}))")


def drawn(specs: Sequence[svg.Spec]) -> Future[list[str]]:
    future: Future[list[str]] = Future()
    future.set_result(["<svg/>"] * len(specs))
    return future


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that is made of two machines, one with a name that has to be quoted."""
    folder = tmp_path_factory.mktemp("project") / "results"
    write(folder, "a machine, mine", make_results(STACKS, counts=True, stops=True))
    write(folder, "void", make_results(STACKS, workloads=SHARED, found=False, run="void"))
    # What is not published here, but stands beside the results in a checkout.
    for name in ("reading.md", "method.md"):
        (folder.parent / "docs").mkdir(exist_ok=True)
        shutil.copy(PROJECT / "docs" / name, folder.parent / "docs")
    publishing.publish(folder, drawn)
    return folder


def anchors(text: str) -> set[str]:
    """What a link can point to: marks, and headings of one word."""
    return {*re.findall(r'<a id="([^"]+)"></a>', text), *(one.lower() for one in re.findall(r"(?m)^#+ (\w+)$", text))}


def test_every_link_and_anchor_of_every_page_leads_somewhere(published: Path) -> None:
    pages = [published / "README.md", *published.glob("*/README.md")]
    assert len(pages) == 3
    checked = 0
    for page in pages:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve()
            assert target.is_file(), f"{page}: {link}"
            if anchor and target.suffix == ".md":
                assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"
            checked += 1
    assert checked > 100


def test_the_verdicts_of_each_machine_are_published_as_data(published: Path) -> None:
    for name in ("a machine, mine", "void"):
        told = msgspec.json.decode((published / name / "verdicts.json").read_bytes())
        assert told["machine"] == name


def test_the_first_page_answers_for_the_strongest_machine_or_the_one_that_is_named(published: Path) -> None:
    assert "## a machine, mine" in (published / "README.md").read_text(encoding="utf-8")
    (published / "published.txt").write_text("void\n", encoding="utf-8")
    assert publishing.publish(published, drawn).first.name == "void"  # type: ignore[union-attr]
    assert "## void" in (published / "README.md").read_text(encoding="utf-8")
    (published / "published.txt").unlink()


def test_the_first_page_fits_on_three_screens_with_its_tables_folded(machine: MachineSummary) -> None:
    shown = re.sub(r"<details>.*?</details>", "", first(machine), flags=re.DOTALL)
    # A line of a page has some 110 characters, and a screen some 45 lines.
    assert sum(1 + len(re.sub(r"\(\S+\)", "", line)) // 110 for line in shown.splitlines()) < 3 * 45


def test_hostile_strings_from_files_stay_text() -> None:
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) | `y`"
    results = make_results(("gunicorn_gevent", "uvicorn"), workloads=SHARED)
    finding = Finding(code="x", severity="note", sentence=hostile)
    spoilt = msgspec.structs.replace(
        results[0],
        status=Status(state="failed", reason=hostile),
        cost=(msgspec.structs.replace(results[0].cost[0], findings=(finding,), failure=hostile), *results[0].cost[1:]),
    )
    named = Cell(stack="<b>x</b>", python=results[2].cell.python, workload=results[2].cell.workload)
    machine = summarize("<img src=x onerror=alert(1)>", [spoilt, msgspec.structs.replace(results[2], cell=named)])
    for page in (first(machine, left_out=[hostile]), page_of(machine), markdown.headline([machine])):
        for harm in ("<script", "<img", "<b>x", "[x](javascript"):
            assert harm not in page


def test_a_file_that_was_left_out_is_named_on_the_first_page(machine: MachineSummary) -> None:
    page = first(machine, left_out=["m/<b>.json is not a result file: truncated."])
    assert "- m/&lt;b&gt;.json is not a result file: truncated." in page
    assert "Left out" not in first(machine)


def test_without_results_every_page_says_how_to_make_some() -> None:
    assert "`nox -s matrix` makes some" in first()
    assert "`nox -s matrix` makes some" in markdown.headline([])


def test_pages_are_the_same_in_whatever_order_files_are_read() -> None:
    results = make_results(STACKS, workloads=SHARED)
    one, other = summarize("m", results), summarize("m", results[::-1])
    assert page_of(one) == page_of(other)
    assert first(one) == first(other)


def test_void_results_are_called_void_wherever_they_stand() -> None:
    machine = summarize("m", make_results(STACKS, workloads=SHARED, found=False))
    page = page_of(machine)
    assert f"**Void**: {machine.void[SHARED[0]]}" in page
    assert "| void |" in page
    assert "better" not in page.split("## fanout_shared_client")[1].split("Every comparison")[0]
    assert "CPU per request, against" not in markdown.headline([machine])


def test_findings_and_failures_are_told_once_each_with_how_often() -> None:
    results = make_results(("gunicorn_gevent",), ("3.13",), SHARED, planted=False)
    note = Finding(code="not-pinned", severity="note", sentence="There is one core.")
    late = Finding(code="x", severity="invalid", sentence="It was late.")
    blocks = [msgspec.structs.replace(block, findings=(note,)) for block in results[0].cost]
    blocks[0] = msgspec.structs.replace(blocks[0], findings=(late,), validity="invalid")
    gone = Result(format_version=7, cell=Cell(stack="uvicorn", python="3.13", workload=SHARED[0]),
                  status=Status(state="skipped", reason="no compiler"))  # fmt: skip
    page = page_of(summarize("m", [msgspec.structs.replace(results[0], cost=tuple(blocks)), gone]))
    assert "- gunicorn_gevent on 3.13: There is one core. (4 times)" in page
    assert "- gunicorn_gevent on 3.13: It was late. (does not count)" in page
    assert "- uvicorn on 3.13: skipped, no compiler." in page


def test_the_machines_page_has_its_conditions_and_who_recommends_the_flags(machine: MachineSummary) -> None:
    page = page_of(machine)
    assert "- Machine: A made-up processor, 2 cores" in page
    assert re.search(
        r"- CPython 3\.13\.2: uv's build, with PGO, with LTO, shared libpython.* \(uwsgi_2_threads\)\.", page
    )
    assert "{prefix}/bin/gunicorn --port {port}" in page
    assert "Packages: django 6.0" in page


def test_the_machines_page_tells_overhead_from_the_null_target_where_there_is_one(machine: MachineSummary) -> None:
    page = page_of(machine)
    assert "overhead at p50, ms | overhead at p95, ms" in page
    assert "A target that costs nothing shows under the same load p50 60" in page
    assert re.search(r"ms longer than with a server that costs nothing", page)
    alone = page_of(summarize("m", [one for one in make_results(STACKS) if one.cell.control != "null"]))
    assert "overhead" not in alone
    assert "costs nothing" not in alone


def test_the_readme_changes_between_its_marks_only() -> None:
    readme = f"before\n{markdown.BEGIN}\nold\n{markdown.END}\nafter\n"
    assert markdown.put_headline(readme, "new") == f"before\n{markdown.BEGIN}\nnew\n{markdown.END}\nafter\n"
    assert markdown.put_headline("no marks", "new") == "no marks"
