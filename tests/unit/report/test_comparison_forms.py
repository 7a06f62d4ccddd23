"""Every form of a comparison says the same, and nothing that is shown in one is anything but text."""

import csv
import io
import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from stackmatrix.analysis.gate import Rules, judge
from stackmatrix.outside.text import one_line
from stackmatrix.report.comparison import exports, table
from stackmatrix.report.comparison.markdown import COMMENT_BYTES, SUMMARY_BYTES, comment, page
from stackmatrix.report.comparison.terminal import print_comparison
from stackmatrix.report.literal import literal
from stackmatrix.results import comparison
from stackmatrix.results.comparison import ComparisonDocument, NotCompared, PackageChange, Side
from tests.compared import decide, document, figure, pair

HOSTILE = (
    "a|b`c`</td></details><script>alert(1)</script><img src=x onerror=alert(1)>\n\n# Heading\n| x | y |\n"
    "**bold** __init__ ~~gone~~ [link](https://evil.example) ![i](x) @octocat org/repo#12 GH-13 www.evil.example "
    "\\| \\` <!-- stackmatrix: other --> &lt;b&gt; {{x}} \x1b[31mred\x1b[0m \u202ereversed"
)
FIGURES = (
    decide(figure("cpu", 1.09, 0.01), "worse"),
    figure("instructions", 1.001, 0.002, word="same", decided_after=3),
    figure("memory", 0.97, None, caution="Their Pythons are built differently."),
)


def gated(**changed: Any) -> ComparisonDocument:
    whole = document(*FIGURES, **changed)
    verdict = judge(whole, [pair()], Rules(0.05, date(2026, 11, 26)))
    return msgspec.structs.replace(whole, gate=verdict)


def hostile() -> ComparisonDocument:
    """Everything that anybody can name is hostile."""
    side = Side(title=HOSTILE, kind="revision", commit="0123456789abcdef")
    sites: dict[str, Any] = {
        "workload": HOSTILE,
        "stack": "un`com|mon",
        "other_stack": "un`com|mon",
        "caution": HOSTILE,
    }
    figures = [figure(name, **sites) for name in ("cpu", "instructions")]
    whole = document(
        *figures,
        base=side,
        head=side,
        app=HOSTILE,
        machine=HOSTILE,
        sentences=(HOSTILE, HOSTILE),
        command=f"nox -s gate -- '{HOSTILE}' '````'",
        not_compared=(NotCompared(what=HOSTILE, reason=HOSTILE),),
        packages=(PackageChange(name=HOSTILE, base=HOSTILE, head=None),),
    )
    verdict = judge(whole, [pair("un`com|mon", HOSTILE)], Rules(0.05, date(2026, 11, 26)))
    return msgspec.structs.replace(whole, gate=verdict)


class Elements(HTMLParser):
    """The elements of a page, its links, and the text of its cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.texts: list[str] = []
        self.cells: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs or tag in ("code", "th", "td"), (tag, attrs)
        self.seen.append(tag)
        if tag == "tr":
            self.cells.append(0)
        if tag in ("td", "th"):
            self.cells[-1] += 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def rendered(text: str) -> Elements:
    """Markdown as it is shown, with the HTML in it."""
    return Elements(
        MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"]).render(text)
    )


OURS = {
    "h3",
    "p",
    "strong",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ul",
    "li",
    "details",
    "summary",
    "pre",
    "code",
}


@pytest.mark.parametrize("text", [page(hostile()), comment(hostile())], ids=["page", "comment"])
def test_hostile_names_are_text_in_markdown_and_make_no_element_link_or_row(text: str) -> None:
    shown = rendered(text)
    assert set(shown.seen) <= OURS
    # The verdict is bold once, and each row has as many cells as its heading.
    assert shown.seen.count("strong") == 1
    assert shown.seen.count("h3") == 1
    assert set(shown.cells) == {7, 6, 3}
    assert shown.seen.count("details") == text.count("\n</details>")
    assert shown.seen.count("code") == 1
    read = "".join(shown.texts).replace("\u200b", "")
    for part in (
        "a|b`c`</td></details><script>alert(1)</script>",
        "**bold** __init__ ~~gone~~ [link](https://",
        "&lt;b&gt;",
    ):
        assert part in read.partition("To repeat it by hand")[0]
    # What looks like a marker stands in the command alone, which is shown as it is.
    before, _, repeated = text.rpartition("To repeat it by hand")
    assert "<!--" not in before
    assert len(re.findall("^<!-- stackmatrix: [a-z0-9-]{1,60} -->$", repeated, re.MULTILINE)) == ("\n<!--" in text)


def test_nothing_in_markdown_notifies_anybody_or_links() -> None:
    fenced = page(hostile()).rpartition("To repeat it by hand")[0]
    # What notifies or links in a text is broken by a space without width.
    for active in ("@octocat", "repo#12", "GH-13", "https://", "www.evil"):
        assert active not in fenced
    assert "@&#8203;octocat" in fenced


@pytest.mark.parametrize(
    "text",
    [
        "# no heading",
        "- no list",
        "1. no list",
        "12) none",
        "> no quote",
        "<!-- no comment",
        "+ none",
        "=====",
        "`",
        "_a_ __b__",
        "\\",
        "~~~",
    ],
)
def test_a_text_at_the_beginning_of_a_line_stays_text(text: str) -> None:
    shown = rendered(f"- {literal(text)}\n\n{literal(text)}")
    assert set(shown.seen) == {"ul", "li", "p"}
    assert [one for one in shown.texts if one.strip()] == [text, text]


def test_names_of_stacks_stay_readable_where_nobody_renders_them() -> None:
    assert (
        literal("gunicorn_100_threads on 3.13@debug: -3 % (1 to 2 %)")
        == "gunicorn_100_threads on 3.13@&#8203;debug: -3 % (1 to 2 %)"
    )


def test_a_pipe_behind_a_backslash_ends_no_cell() -> None:
    (row,) = table.packages_table([PackageChange(name="a\\|b", base="1", head="2")]).rows
    text = page(document(figure(), packages=(row,)))
    assert "a\\|b" in rendered(text).texts


def test_no_control_character_and_no_other_direction_of_writing_is_in_any_form() -> None:
    console = Console(file=io.StringIO(), width=140)
    print_comparison(console, hostile(), Path("/nowhere"))
    assert isinstance(console.file, io.StringIO)
    for text in (page(hostile()), comment(hostile()), console.file.getvalue()):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_the_verdict_comes_first_then_what_decided_and_the_rest_is_folded() -> None:
    text = page(gated())
    heading, _, verdict, _, first_row, *_ = text.splitlines()
    assert heading == "### shop: httpx==0.28.&#42; against httpx==0.27.&#42;"
    assert verdict.startswith("**Regression. CPU time per request, uvicorn on 3.13, fanout: 9 % worse (8 to 10 %)")
    assert first_row.startswith("| cell | figure | base | head |")
    decided, _, folded = text.partition("<details>")
    assert "| CPU time per request | 10.00 ms | 10.90 ms | 9 % (8 to 10 %) | below 5 % | regression |" in decided
    assert "Instructions" not in decided.partition("| cell")[2]
    assert "Packages that differ (1)" in folded
    assert "| httpx | 0.27.2 | 0.28.1 |" in folded
    assert "- Controls of fanout: passed." in folded
    assert "undecided †" in folded
    assert "† Their Pythons are built differently." in folded
    assert text.endswith("```sh\nnox -s gate -- 'httpx==0.27.*' 'httpx==0.28.*' --minutes 10\n```\n")


def test_without_a_gate_the_first_sentence_is_the_verdict_and_what_differs_decided() -> None:
    text = page(document(*FIGURES))
    assert text.splitlines()[2].startswith(
        "**httpx==0.28.&#42; against httpx==0.27.&#42;, uvicorn on 3.13, fanout: CPU 9 % more"
    )
    decided = text.partition("<details>")[0]
    assert "9 % more CPU (8 to 10 %) | worse |" in decided
    assert "| same |" not in decided


def test_of_a_comparison_in_which_nothing_differs_the_witnesses_are_shown_first() -> None:
    decided = page(document(figure(), figure("memory"))).partition("<details>")[0]
    assert "CPU time per request" in decided
    assert "Memory" not in decided


@pytest.mark.parametrize(("app", "marker"), [("shop", "shop"), (None, "built-in"), ("A --> b", "a-b")])
def test_the_last_line_of_a_comment_is_a_hidden_marker_that_is_the_same_next_time(app: str | None, marker: str) -> None:
    text = comment(gated(app=app))
    assert text.splitlines()[-1] == f"<!-- stackmatrix: {marker} -->"
    later = comment(gated(app=app, sentences=("Another answer.",), started="2027-01-01T00:00:00+00:00"))
    assert later.splitlines()[-1] == text.splitlines()[-1]
    assert "stackmatrix:" not in page(gated(app=app))


def huge() -> ComparisonDocument:
    """More cells, packages and words than anybody reads."""
    figures = [figure("cpu", 1.2, stack=f"stack_{place}", caution="é" * 5000) for place in range(300)]
    packages = tuple(PackageChange(name=f"package-{place}-" + "é" * 900, base="1", head="2") for place in range(500))
    whole = document(*figures, packages=packages, sentences=tuple("wörd " * 400 for _ in range(3000)))
    pairs = [pair(f"stack_{place}", head="uvicorn") for place in range(300)]
    verdict = judge(whole, pairs, Rules(0.05, date(2026, 11, 26), figures=("cpu",)))
    return msgspec.structs.replace(whole, gate=verdict, command=f"nox -s gate -- {'x' * 100_000}")


def test_a_comment_and_a_summary_keep_below_what_they_may_have_and_say_what_is_left_out() -> None:
    whole = huge()
    for text, most in ((comment(whole), COMMENT_BYTES), (page(whole), SUMMARY_BYTES), (page(whole, 5000), 5000)):
        assert most * 0.5 < len(text.encode()) <= most
        assert re.search(r"^\d+ more are in comparison\.json\.$", text, re.MULTILINE)
        assert "**Regression. CPU time per request" in text
        assert text.count("<details>") == text.count("</details>")
        assert set(rendered(text).cells) <= {7, 6, 3}
    assert comment(whole).splitlines()[-1] == "<!-- stackmatrix: shop -->"
    assert COMMENT_BYTES <= 60_000
    assert SUMMARY_BYTES < 2**20


def test_a_terminal_has_the_answer_first_then_one_table_and_how_to_repeat_it() -> None:
    console = Console(file=io.StringIO(), width=160)
    print_comparison(console, gated(not_compared=(NotCompared(what="x", reason="It does not start."),)), Path("/kept"))
    assert isinstance(console.file, io.StringIO)
    lines = [line for line in console.file.getvalue().splitlines() if line.strip()]
    assert lines[0].startswith("Regression. CPU time per request")
    text = "\n".join(lines)
    for part in (
        "uvicorn on 3.13, fanout",
        "3 % less",
        "Packages that differ:",
        "0.28.1",
        "Controls of fanout: passed.",
        "Not compared: x: It does not start.",
        "Measured on amd-2-cores at 2026-11-26T10:00:00+00:00 in 10.0 minutes.",
        "To repeat it: nox -s gate -- 'httpx==0.27.*' 'httpx==0.28.*' --minutes 10",
        "Written: /kept",
    ):
        assert part in text
    # A figure that the gate has judged is not shown twice.
    assert text.count("10.90 ms") == 1


def test_bencher_has_the_heads_value_of_each_figure_of_each_cell_with_its_own_interval() -> None:
    whole = document(
        figure("cpu", 1.09, head_low=10.5, head_high=11.2),
        figure("holds", stack="granian", other_stack="uvicorn"),
        figure("memory", head=None),
    )
    assert json.loads(exports.to_bencher(whole)) == {
        "uvicorn on 3.13, fanout": {
            "cpu": {"value": pytest.approx(10.9), "lower_value": 10.5, "upper_value": 11.2},
            "holds": {"value": 10.0},
        }
    }


def test_the_list_of_github_action_benchmark_has_only_what_is_better_when_smaller() -> None:
    rows = json.loads(
        exports.to_benchmark(document(figure("cpu", 1.09, head_low=10.5, head_high=11.3), figure("holds")))
    )
    assert rows == [
        {
            "name": "uvicorn on 3.13, fanout: CPU time per request",
            "unit": "ms",
            "value": pytest.approx(10.9),
            "range": "± 0.40",
            "extra": "undecided: 9 % more CPU (8 to 10 %) (base: 10.00 ms)",
        }
    ]


def test_csv_has_every_field_of_every_figure_with_the_gates_outcome() -> None:
    rows = list(csv.DictReader(io.StringIO(exports.to_csv(gated()).decode(), newline="")))
    assert [row["figure"] for row in rows] == ["cpu", "instructions", "memory"]
    assert (rows[0]["gate"], rows[0]["gate_limit"], rows[2]["gate"]) == ("regression", "0.05", "")
    assert (rows[0]["base_title"], rows[0]["effect"], rows[2]["low"]) == ("httpx==0.27.*", "1.09", "")
    assert set(rows[0]) >= set(comparison.ComparedFigure.__struct_fields__)


def test_csv_keeps_a_hostile_name_in_one_field_on_one_line() -> None:
    rows = list(csv.DictReader(io.StringIO(exports.to_csv(hostile()).decode(), newline="")))
    assert [row["workload"] for row in rows] == [one_line(HOSTILE)] * 2


def test_nothing_but_numbers_is_exported_as_one() -> None:
    for export in (exports.to_bencher(hostile()), exports.to_benchmark(hostile()), comparison.encode(hostile())):
        assert json.loads(export)
    assert comparison.decode(comparison.encode(hostile()), "a.json") == hostile()
