"""The gate's four outcomes and their exit codes: whatever came of it, the report is there before it ends."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from stackmatrix import cli, errors
from stackmatrix.commands import compare
from stackmatrix.commands import gate as gate_command
from stackmatrix.commands.comparing import publish
from stackmatrix.commands.comparing.publish import FILES, annotation
from stackmatrix.commands.comparing.side_by_side import Plan
from stackmatrix.errors import AppError, CounterMissingError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.report.comparison.markdown import SUMMARY_BYTES
from stackmatrix.results import comparison
from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument, GateVerdict
from tests.compared import document, figure

STACK = next(iter(STACKS))
WORKLOAD = "fanout_shared_client"
SIDES = [STACK, REFERENCE_STACK, "--pythons", "3.13", "--workload", WORKLOAD]
"""Two stacks: nothing has to be looked up or installed for that."""


def seen(name: str, effect: float = 1.0, half: float | None = 0.01, **changed: Any) -> ComparedFigure:
    places = {"workload": WORKLOAD, "stack": STACK, "other_stack": REFERENCE_STACK}
    return figure(name, effect, half, **places, **changed)


def both(effect: float = 1.0, half: float | None = 0.01, controls: str = "passed") -> ComparisonDocument:
    return document(seen("cpu", effect, half), seen("instructions"), controls=controls)


type Measure = Callable[..., None]
type Gate = Callable[..., tuple[int, Any]]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gate:
    """Runs the command; what it would measure is a document, or an error."""

    def run(found: ComparisonDocument | BaseException | None, *options: str) -> tuple[int, Any]:
        def measure(options: argparse.Namespace, _plan: object, _console: object, done: Any, **how: Any) -> None:
            asked.append((options, how))
            if isinstance(found, BaseException):
                raise found
            if found is not None:
                done(found)

        asked: list[tuple[argparse.Namespace, dict[str, Any]]] = []
        monkeypatch.setattr(compare, "measure", measure)
        code = cli.main(["gate", *SIDES, "--output", str(tmp_path), *options])
        run.asked = asked  # type: ignore[attr-defined]
        return code, capsys.readouterr()

    return run


OUTCOMES = {
    "passed": (both(), 0),
    "regression": (both(1.2), errors.RegressionError.exit_code),
    "undecided": (both(1.05, 0.03), errors.UndecidedError.exit_code),
    "void by its controls": (both(controls="failed"), errors.VoidError.exit_code),
    "void since a figure is missing": (document(seen("cpu")), errors.VoidError.exit_code),
    "void since nothing is there": (document(), errors.VoidError.exit_code),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_outcome_has_its_code_and_its_report(name: str, gate: Gate, tmp_path: Path) -> None:
    found, expected = OUTCOMES[name]
    code, printed = gate(found, "--fail-on", "regression,undecided,void")
    assert code == expected
    verdict = comparison.decode((tmp_path / FILES["json"]).read_bytes(), "a.json").gate
    assert verdict is not None
    assert verdict.outcome == name.split(maxsplit=1)[0]
    assert verdict.sentence.split()[0] in printed.out
    assert printed.err == ("" if code == 0 else f"stackmatrix: {verdict.sentence}\n")
    assert {path.name for path in tmp_path.iterdir()} == set(FILES.values())


@pytest.mark.parametrize(
    ("options", "failing"),
    [
        ([], {"regression", "void"}),
        (["--fail-on", "regression"], {"regression"}),
        (["--fail-on", "undecided,void"], {"undecided", "void"}),
        (["--fail-on", "never"], set()),
    ],
)
def test_only_what_is_named_fails_and_by_default_void_is_never_green(
    options: Sequence[str], failing: set[str], gate: Gate
) -> None:
    failed = {name.split()[0] for name, (found, _) in OUTCOMES.items() if gate(found, *options)[0]}
    assert failed == failing


def test_nothing_at_all_is_void_though_there_is_no_report(gate: Gate) -> None:
    code, printed = gate(None)
    assert code == errors.VoidError.exit_code
    assert printed.err == "stackmatrix: Void. Nothing was measured, and so nothing is proved.\n"


def test_a_mistake_keeps_its_own_code_and_sentence(gate: Gate) -> None:
    code, printed = gate(AppError("httpx==9.* cannot be had."))
    assert (code, printed.err) == (AppError.exit_code, "stackmatrix: httpx==9.* cannot be had.\n")


def test_an_interrupted_gate_is_not_green(gate: Gate) -> None:
    assert gate(KeyboardInterrupt())[0] == errors.INTERRUPTED_EXIT_CODE


def test_without_a_counter_the_gate_says_what_to_judge_instead(gate: Gate) -> None:
    code, printed = gate(CounterMissingError("Nothing counts here."))
    assert code == CounterMissingError.exit_code
    assert printed.err == "stackmatrix: Nothing counts here. Or judge by CPU time alone: --figures cpu.\n"


@pytest.mark.parametrize(
    ("options", "measured", "threshold"),
    [
        ([], "cost,counts", 0.05),
        (["--figures", "cpu"], "cost", 0.05),
        (["--figures", "memory,cpu", "--threshold", "2.5%"], "cost,ramp", 0.025),
        (["--measure", "cost"], "cost", 0.05),
    ],
)
def test_what_is_measured_is_what_is_judged_to_the_threshold(
    options: Sequence[str], measured: str, threshold: float, gate: Gate
) -> None:
    gate(both(), *options)
    asked, how = gate.asked[0]  # type: ignore[attr-defined]
    assert (asked.measure, how["threshold"]) == (measured, threshold)


@pytest.mark.parametrize("text", ["5", "0.05", "0%", "-5%", "101%", "five%", "", "%", "nan%", "1e1%"])
def test_a_threshold_is_a_percentage(text: str, gate: Gate) -> None:
    code, printed = gate(both(), f"--threshold={text}")
    assert code == errors.UsageError.exit_code
    assert "is not a percentage above 0, up to 100, such as 5%" in printed.err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--fail-on", "regresion"), ("--fail-on", "never,void"), ("--fail-on", ""), ("--figures", "cpus"),
     ("--figures", ""), ("--format", "html")],
)  # fmt: skip
def test_what_is_not_known_is_a_usage_error_in_one_line(option: str, value: str, gate: Gate, tmp_path: Path) -> None:
    code, printed = gate(both(), option, value)
    assert (code, len(printed.err.splitlines())) == (errors.UsageError.exit_code, 1)
    assert not list(tmp_path.iterdir())


def test_what_is_not_known_is_said_before_anything_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_plan(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(gate_command, "make_plan", make_plan)
    assert cli.main(["gate", *SIDES, "--figures", "cpus"]) == errors.UsageError.exit_code
    assert "did you mean cpu?" in capsys.readouterr().err


def test_the_command_that_repeats_it_has_the_gates_own_options(gate: Gate, tmp_path: Path) -> None:
    gate(both(), "--threshold", "2.5%", "--fail-on", "never", "--figures", "cpu")
    command = comparison.decode((tmp_path / FILES["json"]).read_bytes(), "a.json").command
    assert command.endswith("--threshold 2.5% --fail-on never --figures cpu")


@pytest.mark.parametrize("form", ["json", "markdown", "bencher", "benchmark", "csv"])
def test_a_form_for_programs_stands_alone_on_standard_output(form: str, gate: Gate, tmp_path: Path) -> None:
    _, printed = gate(both(), "--format", form)
    assert printed.out.encode() == (tmp_path / FILES[form]).read_bytes()
    if form not in ("markdown", "csv"):
        json.loads(printed.out)


def test_progress_is_shown_where_no_program_reads() -> None:
    for form, is_error in (("text", False), ("github", False), ("json", True), ("csv", True)):
        assert publish.console_for(argparse.Namespace(format=form)).stderr is is_error


def test_github_gets_the_page_in_the_jobs_summary_behind_what_is_there_and_the_verdict_beside_the_job(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summaries" / "summary.md"
    summary.parent.mkdir()
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    _, printed = gate(both(1.2), "--format", "github")
    assert summary.read_text() == "before\n" + (tmp_path / FILES["markdown"]).read_text()
    (line,) = [line for line in printed.out.splitlines() if line.startswith("::")]
    assert line.startswith("::error title=stackmatrix::Regression. CPU time per request")
    assert "20 %25 worse" in line


@pytest.mark.parametrize("left", [-10, 0, 300, 3000])
def test_a_jobs_summary_never_has_more_than_it_may(
    left: int, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summaries" / "summary.md"
    summary.parent.mkdir()
    before = b"x" * (SUMMARY_BYTES - left)
    summary.write_bytes(before)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    many = document(
        *(seen(name, 1.2) for name in ("cpu", "instructions", "memory", "holds", "p95")), sentences=("x" * 500,) * 20
    )
    assert gate(many, "--format", "github")[0] == errors.RegressionError.exit_code
    after = summary.read_bytes()
    assert after.startswith(before)
    assert len(after) <= max(SUMMARY_BYTES, len(before))
    assert (len(after) > len(before)) == (left == 3000)


def test_a_summary_that_cannot_be_written_is_no_green_gate(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    code, printed = gate(both(), "--format", "github")
    assert code == errors.ResultsFolderError.exit_code
    assert "GITHUB_STEP_SUMMARY" in printed.err


@pytest.mark.parametrize(
    ("outcome", "fails_on", "level"),
    [("regression", ("regression",), "error"), ("regression", (), "warning"), ("undecided", ("void",), "warning"),
     ("passed", ("void",), "notice")],
)  # fmt: skip
def test_what_github_shows_beside_a_job_is_one_line_whatever_is_in_it(
    outcome: Any, fails_on: tuple[str, ...], level: str
) -> None:
    said = "5 % more\n::set-output name=x::y\r"
    line = annotation(GateVerdict(outcome=outcome, sentence=said, threshold=0.05, fails_on=fails_on, figures=()))
    assert line == f"::{level} title=stackmatrix::5 %25 more ::set-output name=x::y"


def test_waivers_and_budgets_are_those_of_the_applications_file(tmp_path: Path) -> None:
    (tmp_path / "stackmatrix.toml").write_text(
        'paths = ["/"]\n[[waive]]\nat_most = "8%"\nuntil = 2026-12-31\nreason = "known"\n[budget]\nmemory = 80'
    )
    given = cli.make_parser("gate").parse_args(["gate", *SIDES])
    rules = gate_command.rules_of(given, app_file.read(tmp_path))
    assert (rules.waivers[0].at_most, rules.budgets) == (0.08, {"memory": 80})
    assert rules.kinds == ("cost", "counts", "ramp")


def test_without_an_output_the_forms_are_beside_the_blocks_of_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders: list[Path] = []

    def measure(options: argparse.Namespace, plan: Plan, *arguments: Any, **_: Any) -> None:
        folders.append(compare.folder_of(options.results, plan))
        arguments[1](both())

    monkeypatch.setattr(compare, "measure", measure)
    told = tmp_path / "told.json"
    assert cli.main(["gate", *SIDES, "--results", str(tmp_path), "--json", str(told)]) == 0
    assert (folders[0] / FILES["json"]).read_bytes() == told.read_bytes()
    assert folders[0].parent == tmp_path
    assert str(folders[0]) in capsys.readouterr().out
