"""The command line: an error is one sentence and its exit code, never a traceback; a command is loaded when called."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from stackmatrix import cli, commands, errors
from stackmatrix.commands import COMMANDS, choice, options, run
from stackmatrix.commands import serve as serve_command
from stackmatrix.commands.examining import first
from stackmatrix.commands.examining.rows import ROWS
from stackmatrix.errors import AppFileError, StackmatrixError
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE
from stackmatrix.matrix.cells import make_cells
from stackmatrix.matrix.ladder import rates, users
from stackmatrix.matrix.profiles import DEFAULT_PROFILE, PROFILES
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.request import Request
from stackmatrix.measurements.runner import Runner
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.system import git, host, ports
from stackmatrix.system.cores import divide_cores
from stackmatrix.system.processes import SOURCE
from stackmatrix.testbed import environments, serve

UNWATCHED = next(stack.name for stack in STACKS.values() if stack.stats_port is None)

USAGE_ERRORS = {
    "no command": [],
    "unknown command": ["measure"],
    "unknown command before a known one": ["measure", "run"],
    "unknown option": ["run", "--fast"],
    "shortened option": ["run", "--prof", "smoke"],
    "what is no option": ["run", "uvicorn"],
    "unknown stack": ["run", "--stacks", "unicorn"],
    "no stack": ["run", "--stacks", ","],
    "Python too old": ["run", "--pythons", "3.11"],
    "Python too exact": ["run", "--pythons", "3.13.1"],
    "unknown workload": ["run", "--workload", "fan"],
    "unknown profile": ["run", "--profile", "quik"],
    "smoke is no evidence": ["run", "--profile", "smoke", "--commit"],
    "two profiles": ["run", "--profile", "answer,deep"],
    "unknown kind": ["run", "--measure", "cost,capacity"],
    "no minutes": ["run", "--minutes", "0"],
    "minutes no number": ["run", "--minutes", "soon"],
    "too many minutes": ["run", "--minutes", "1441"],
    "no users": ["run", "--users", "0"],
    "users that are words": ["run", "--users", "ten"],
    "users without value": ["run", "--users"],
    "negative users": ["run", "--users", "-5"],
    "no rate": ["run", "--rates", "0"],
    "window too short": ["run", "--window", "0.5"],
    "window no number": ["run", "--window", "long"],
    "window not finite": ["run", "--window", "nan"],
    "warm-up negative": ["run", "--warmup", "-1"],
    "warm-up too long": ["run", "--warmup", "3601"],
    "no blocks": ["run", "--blocks", "0"],
    "half a block": ["run", "--blocks", "1.5"],
    "too many blocks": ["run", "--blocks", "17"],
    "no process": ["run", "--processes", "0"],
    "half a process": ["run", "--processes", "1.5"],
    "too many processes": ["run", "--processes", "17"],
    "seed no number": ["run", "--seed", "x"],
    "machine a path": ["run", "--machine", "a/b"],
    "machine above": ["run", "--machine", ".."],
    "machine empty": ["run", "--machine", ""],
    "sessions, too": ["run", "--list", "--users", "0"],
    "serve unknown stack": ["serve", "unicorn"],
    "serve two Pythons": ["serve", "--python", ",".join(PYTHONS[:2])],
    "environment unknown": ["environment", "unicorn", PYTHONS[0]],
    "environment of two": ["environment", ",".join(list(STACKS)[:2]), PYTHONS[0]],
    "environment half": ["environment", UNWATCHED],
    "top without statistics": ["top", UNWATCHED],
    "top two": ["top", ",".join(stack.name for stack in STACKS.values() if stack.stats_port)],
}


@pytest.mark.parametrize("arguments", USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_a_usage_error_is_one_line_and_exit_code_2(
    arguments: Sequence[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "run", must_not_be_reached)
    monkeypatch.setattr(serve_command, "serve", must_not_be_reached)
    monkeypatch.setattr(environments, "resolve", must_not_be_reached)
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("stackmatrix: ")
    assert "Traceback" not in printed.err


def must_not_be_reached(*_: object) -> None:
    raise AssertionError


def test_a_mistyped_name_suggests_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--profile", "smok"]) == 2
    assert capsys.readouterr().err == "stackmatrix: Unknown profile 'smok': did you mean smoke?\n"


@pytest.mark.parametrize("kind", StackmatrixError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_error_leaves_with_its_own_exit_code_and_its_sentence(
    kind: type[StackmatrixError], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> int:
        raise kind("What is wrong: the remedy.")

    monkeypatch.setattr(run, "execute", fail)
    assert cli.main(["run"]) == kind.exit_code
    assert capsys.readouterr().err == "stackmatrix: What is wrong: the remedy.\n"


def test_an_interrupt_leaves_as_shells_count_it_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "execute", interrupt)
    assert cli.main(["run"]) == errors.INTERRUPTED_EXIT_CODE
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert "interrupted" in printed.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([name, "--help"])
    assert left.value.code == 0
    assert COMMANDS[name] in " ".join(capsys.readouterr().out.split())


def test_help_lists_every_command_with_what_it_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    printed = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(summary)}$", printed, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_that_declares_its_options_and_is_executed(name: str) -> None:
    module = commands.load(name)
    assert callable(module.add_options)
    assert callable(module.execute)


def test_every_module_of_a_command_is_in_the_table() -> None:
    (folder,) = commands.__path__
    beside = {"__init__", "choice", "options", "own_app"}
    assert {path.stem for path in Path(folder).glob("*.py")} - beside == {name.replace("-", "_") for name in COMMANDS}


SLOW_TO_IMPORT = {"scipy", "altair", "numpy", "circus"}


def imported_by(*arguments: str) -> set[str]:
    """What Python imports for a command line, by the names of the packages."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-X", "importtime", *arguments]
    child = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    names = re.findall(r"^import time: +\d+ \| +\d+ \| +([\w.]+)$", child.stderr, re.MULTILINE)
    return {name.split(".")[0] for name in names}


# A run that is listed looks into its results, whose histograms need numpy.
@pytest.mark.parametrize(("arguments", "needed"), [(["--help"], set()), (["run", "--list"], {"numpy"})])
def test_what_measures_nothing_imports_nothing_that_takes_long(arguments: Sequence[str], needed: set[str]) -> None:
    imported = imported_by("-m", "stackmatrix", *arguments)
    assert {"argparse", "stackmatrix"} <= imported
    assert not imported & SLOW_TO_IMPORT - needed


def test_what_takes_long_to_import_would_be_seen() -> None:
    assert imported_by("-c", "import altair, circus, numpy, scipy") >= SLOW_TO_IMPORT


@pytest.mark.parametrize(("arguments", "generators"), [([], 1), (["--processes", "2"], 2), (["--processes", "16"], 16)])
def test_a_run_is_told_how_many_processes_make_the_load(
    arguments: Sequence[str], generators: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Request] = []

    class Reached(Exception):  # noqa: N818 - no error
        pass

    def note(runner: Runner) -> None:
        made.append(runner.request)
        raise Reached

    monkeypatch.setattr(Runner, "run", note)
    with pytest.raises(Reached):
        cli.main(["run", *arguments])
    assert made[0].generators == generators


def test_nothing_named_is_every_cell_of_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    seed = tuple(name for name, stack in STACKS.items() if stack.is_seed)
    assert cli.main(["run", "--list"]) == 0
    assert capsys.readouterr().out.split() == [f"env-{stack}-{python}" for stack in seed for python in PYTHONS]
    assert choice.choose_cells(cli.make_parser("run").parse_args(["run"])).cells == make_cells(
        seed, PYTHONS, ("fanout_shared_client", "fanout")
    )


def test_all_workloads_are_chosen_by_one_word_and_an_unknown_one_is_told() -> None:
    def chosen(wanted: str) -> tuple[str, ...]:
        return choice.choose_workloads(wanted, BUILT_IN_CATALOGUE, "fanout")

    assert chosen("all") == chosen("no_calls,all") == tuple(WORKLOADS)
    assert chosen("no_calls, fanout") == ("fanout", "no_calls")
    with pytest.raises(errors.UsageError, match=r"Unknown workload 'no_call': did you mean no_calls\?"):
        chosen("no_call")


def test_what_only_the_other_interface_serves_is_refused_before_anything_is_installed() -> None:
    arguments = ["run", "--list", "--stacks", "uvicorn", "--workload", "fanout_urllib3"]
    with pytest.raises(
        errors.UsageError, match=r"^Nothing is left to measure with uvicorn: urllib3 has no async client\.$"
    ):
        choice.choose_cells(cli.make_parser("run").parse_args(arguments))


def test_cells_that_no_stack_serves_need_no_environment(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--stacks", "uvicorn,gunicorn_gevent", "--pythons", "3.13", "--workload", "fanout_urllib3"]
    assert cli.main(["run", "--list", *arguments]) == 0
    assert capsys.readouterr().out.split() == ["env-gunicorn_gevent-3.13"]


def test_sessions_prints_the_session_of_each_chosen_environment_once(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = list(STACKS)[:2]
    assert cli.main(["run", "--list", "--stacks", f"{second},{first}", "--pythons", ",".join(PYTHONS[:2])]) == 0
    assert capsys.readouterr().out.split() == [
        f"env-{stack}-{python}" for stack in (first, second) for python in PYTHONS[:2]
    ]


GIVEN: dict[str, tuple[list[str], dict[str, object]]] = {
    "nothing": ([], {}),
    "kinds": (["--measure", "counts,cost"], {"kinds": ("cost", "counts")}),
    "minutes": (["--minutes", "2.5"], {"minutes": 2.5}),
    "one stack alone": (["--stacks", "uvicorn"], {"minutes": PROFILES[DEFAULT_PROFILE].minutes_alone}),
    "minutes of one stack": (["--stacks", "uvicorn", "--minutes", "9"], {"minutes": 9.0}),
    "blocks": (["--blocks", "4"], {"blocks": 4}),
    "a ladder is measured": (["--users", "1,5"], {"kinds": ("cost", "ramp", "stop", "ladder"), "ladder": users(1, 5)}),
    "only a ladder": (["--rates", "5", "--measure", "ladder"], {"kinds": ("ladder",), "ladder": rates(5)}),
    "its window": (["--window", "7"], {"levels": replace(PROFILES[DEFAULT_PROFILE].levels, window_s=7.0)}),
    "no warm-up": (["--warmup", "0"], {"levels": replace(PROFILES[DEFAULT_PROFILE].levels, warmup_s=0.0)}),
}


@pytest.mark.parametrize("what", GIVEN)
def test_what_is_given_replaces_the_profiles_choice(what: str) -> None:
    arguments, changed = GIVEN[what]
    given = cli.make_parser("run").parse_args(["run", *arguments])
    assert run.choose_profile(given, choice.choose_cells(given)) == replace(PROFILES[DEFAULT_PROFILE], **changed)  # type: ignore[arg-type]


def test_schema_writes_what_the_model_says(tmp_path: Path) -> None:
    results, docs = tmp_path / "results", tmp_path / "docs"
    assert cli.main(["schema", "--results", str(results), "--docs", str(docs)]) == 0
    assert {path.name for path in results.iterdir()} == {"schema.json", "verdicts.schema.json"}
    for name in ("stackmatrix.schema.json", "app-file.md"):
        assert (docs / name).read_bytes() == (options.RESULTS.parent / "docs" / name).read_bytes()


def test_an_app_without_a_file_is_told_what_to_write_and_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["check-app"], ["install-app", "--stack", "x", "--python", "3.13"]):
        assert cli.main([*command, "--app", str(tmp_path)]) == AppFileError.exit_code
        assert 'write one line: paths = ["/"]' in capsys.readouterr().err


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)


ONE_CELL = ["--stacks", UNWATCHED, "--pythons", PYTHONS[0], "--workload", "fanout", "--machine", "m"]


@pytest.mark.usefixtures("nothing_installed")
def test_a_cell_that_is_not_installed_is_a_failed_cell_with_a_file_and_fails_the_run_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert cli.main(["run", *ONE_CELL, "--results", str(tmp_path)]) == errors.CellsFailedError.exit_code
        printed = capsys.readouterr()
        assert f"1 cell could not be measured in every block ({UNWATCHED} on {PYTHONS[0]}, fanout: " in printed.err
    ((_, written),) = store.read_results(tmp_path)
    assert isinstance(written, Result)
    assert (written.status.state, written.status.reason) == ("failed", "its environment is not installed")


@pytest.mark.usefixtures("nothing_installed")
def test_an_earlier_measurement_stays_when_its_cell_cannot_be_measured_and_nothing_is_committed(
    tmp_path: Path, result: Result, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert result.conditions is not None
    here = msgspec.structs.replace(result.conditions, machine=host.describe(divide_cores()))
    result = msgspec.structs.replace(result, conditions=here)
    monkeypatch.setattr(git, "why_not_committable", lambda _: None)
    store.write_result(tmp_path, "m", result)
    cell = result.cell
    arguments = ["run", "--stacks", cell.stack, "--pythons", cell.python, "--workload", cell.workload]
    # Nor is there anything worth committing in a folder that is no clone.
    arguments += ["--results", str(tmp_path), "--machine", "m", "--commit"]
    assert cli.main(arguments) == errors.CellsFailedError.exit_code
    printed = capsys.readouterr()
    assert f"{cell}: its environment is not installed." in printed.out
    assert f"1 cell could not be measured in every block ({cell}: " in printed.err
    assert list(store.read_results(tmp_path)) == [("m", result)]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Where results go by default, and where those go that are no evidence."""
    usual, apart = tmp_path / "results", tmp_path / "apart"
    for module in (options, choice):
        monkeypatch.setattr(module, "RESULTS", usual)
        monkeypatch.setattr(module, "SMOKE_RESULTS", apart)
    return usual, apart


@pytest.mark.usefixtures("nothing_installed")
def test_a_smoke_run_writes_nothing_among_the_results_by_default(places: tuple[Path, Path]) -> None:
    usual, apart = places
    assert cli.main(["run", *ONE_CELL, "--profile", "smoke"]) == errors.CellsFailedError.exit_code
    assert not usual.exists()
    assert [machine for machine, _ in store.read_results(apart)] == ["m"]


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("profile", ["answer", "deep"])
def test_a_run_that_compares_writes_among_the_results(places: tuple[Path, Path], profile: str) -> None:
    usual, apart = places
    assert cli.main(["run", *ONE_CELL, "--profile", profile]) == errors.CellsFailedError.exit_code
    assert [machine for machine, _ in store.read_results(usual)] == ["m"]
    assert not apart.exists()


@pytest.mark.usefixtures("nothing_installed")
def test_a_smoke_run_writes_where_it_is_told_to(places: tuple[Path, Path], tmp_path: Path) -> None:
    told = tmp_path / "told"
    cli.main(["run", *ONE_CELL, "--profile", "smoke", "--results", str(told)])
    assert [machine for machine, _ in store.read_results(told)] == ["m"]
    assert not any(place.exists() for place in places)


def test_a_smoke_run_takes_no_place_of_better_evidence_wherever_that_is(
    tmp_path: Path, result: Result, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "run", must_not_be_reached)
    path = store.write_result(tmp_path, "m", result)
    before, cell = path.read_bytes(), result.cell
    arguments = ["run", "--stacks", cell.stack, "--pythons", cell.python, "--workload", cell.workload]
    arguments += ["--profile", "smoke", "--results", str(tmp_path), "--machine", "m"]
    assert cli.main(arguments) == errors.UsageError.exit_code
    assert (
        "holds evidence of a run with --profile answer, which this smoke run would replace" in capsys.readouterr().err
    )
    assert path.read_bytes() == before


def test_what_is_no_evidence_is_apart_from_the_results_and_not_in_the_repository() -> None:
    assert not options.SMOKE_RESULTS.is_relative_to(options.RESULTS)
    assert not options.RESULTS.is_relative_to(options.SMOKE_RESULTS)
    ignored = subprocess.run(["git", "check-ignore", "--quiet", options.SMOKE_RESULTS], cwd=SOURCE, check=False)
    assert ignored.returncode == 0


def test_a_smoke_run_is_not_committed_and_told_so_before_anything_is_measured(
    places: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "run", must_not_be_reached)
    assert cli.main(["run", *ONE_CELL, "--profile", "smoke", "--commit"]) == errors.UsageError.exit_code == 2
    told = capsys.readouterr().err
    assert told.startswith("stackmatrix: A smoke run proves that everything works, and what it measures is no evidence")
    assert "--commit" in told
    assert not any(place.exists() for place in places)


@pytest.mark.usefixtures("nothing_installed")
def test_a_stack_that_is_not_installed_cannot_be_run_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["environment", UNWATCHED, PYTHONS[0]]) == errors.EnvironmentMissingError.exit_code
    assert "nox -s env-" in capsys.readouterr().err


def test_a_port_that_is_taken_has_its_own_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(port: int, purpose: str, _remedy: str) -> None:
        raise errors.PortTakenError(f"Port {port}, needed for {purpose}, is taken.")

    monkeypatch.setattr(ports, "need_free_port", taken)
    monkeypatch.setattr(serve_command, "need_free_port", taken)
    monkeypatch.setattr(serve, "start", must_not_be_reached)
    assert cli.main(["serve", UNWATCHED]) in {errors.PortTakenError.exit_code, errors.UsageError.exit_code}
    assert len(capsys.readouterr().err.splitlines()) == 1


SHELLS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "no locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
@pytest.mark.parametrize(
    ("arguments", "code"), [(["run", "--help"], 0), (["run", "--stacks", "漢≥"], 2)], ids=["help", "an error"]
)
def test_whatever_is_printed_is_printed_in_any_encoding(
    arguments: Sequence[str], code: int, shell: dict[str, str]
) -> None:
    given = {"PATH": os.defpath, "PYTHONPATH": str(SOURCE), **shell}
    command = [sys.executable, "-m", "stackmatrix", *arguments]
    child = subprocess.run(command, env=given, capture_output=True, check=False)
    assert child.returncode == code, child.stderr.decode(errors="replace")
    assert b"Traceback" not in child.stderr
    assert child.stdout or b"Unknown stack or tag " in child.stderr
    if code != 0 and "LC_ALL" not in shell:  # there, the letters are none before they are printed
        assert b"'?>='" in child.stderr


def test_what_cannot_be_committed_is_said_before_anything_is_installed_or_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Runner, "run", must_not_be_reached)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(first, "loud", lambda _: [row for row in ROWS if row.title == "checkout"])
    for command in (["run", "--commit"], ["run", "--commit", "--list"], ["calibrate", "--commit"]):
        assert cli.main([*command, "--results", str(tmp_path)]) == errors.CommitError.exit_code
        printed = capsys.readouterr()
        assert printed.err.startswith("stackmatrix: --commit cannot be done")
        assert printed.out == ""


@pytest.mark.parametrize("command", ["compare", "gate", "stall", "summarize", "serve", "check-app"])
def test_what_makes_no_evidence_has_nothing_to_commit(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--commit"]) == 2
    assert "--commit" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["80", "0", "-1", "65536", "x", "32768", "9" * 5000])
def test_a_port_is_one_that_a_user_can_have(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--port", "--api-port", "--page-port"):
        assert cli.main(["serve", f"{option}={port}"]) == 2
        assert "is not a port from" in capsys.readouterr().err
