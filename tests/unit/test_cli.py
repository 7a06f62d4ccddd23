"""The command line: an error is one sentence and its exit code, never a traceback."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from stackmatrix import cli, errors
from stackmatrix.commands import VERBS, run
from stackmatrix.errors import StackmatrixError
from stackmatrix.matrix.stacks import PYTHONS, STACKS
from stackmatrix.measurements.trials.runner import RunPlan
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.system import ports
from stackmatrix.testbed import environments, serve

UNWATCHED = next(stack.name for stack in STACKS.values() if stack.stats_port is None)

USAGE_ERRORS = {
    "no verb": [],
    "unknown verb": ["measure"],
    "unknown option": ["run", "--fast"],
    "shortened option": ["run", "--prof", "smoke"],
    "what is no option": ["run", "uvicorn"],
    "unknown stack": ["run", "--stacks", "unicorn"],
    "no stack": ["run", "--stacks", ","],
    "Python too old": ["run", "--pythons", "3.11"],
    "Python too exact": ["run", "--pythons", "3.13.1"],
    "unknown workload": ["run", "--workload", "fan"],
    "unknown profile": ["run", "--profile", "quik"],
    "two profiles": ["run", "--profile", "quick,standard"],
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
    "too many blocks": ["run", "--blocks", "101"],
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
    for name in ("run", "serve"):
        monkeypatch.setattr(VERBS[name], name if name == "serve" else "Runner", must_not_be_reached)
    monkeypatch.setattr(environments, "need", must_not_be_reached)
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("stackmatrix: ")
    assert "Traceback" not in printed.err


def must_not_be_reached(*_: object) -> None:
    raise AssertionError


def test_a_mistyped_name_suggests_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--profile", "quik"]) == 2
    assert capsys.readouterr().err == "stackmatrix: Unknown profile 'quik': did you mean quick?\n"


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


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_says_what_it_does(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([verb, "--help"])
    assert left.value.code == 0
    assert (VERBS[verb].__doc__ or "").split()[0] in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "generators"), [([], 1), (["--processes", "2"], 2), (["--processes", "16"], 16)])
def test_a_run_is_told_how_many_processes_make_the_load(
    arguments: Sequence[str], generators: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[RunPlan] = []

    class Reached(Exception):  # noqa: N818 - no error
        pass

    def note(run_plan: RunPlan, _: object) -> None:
        made.append(run_plan)
        raise Reached

    monkeypatch.setattr(run, "Runner", note)
    with pytest.raises(Reached):
        cli.main(["run", *arguments])
    assert made[0].generators == generators


def test_sessions_prints_the_bench_session_of_each_chosen_environment_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = list(STACKS)[:2]
    assert cli.main(["run", "--list", "--stacks", f"{second},{first}", "--pythons", ",".join(PYTHONS[:2])]) == 0
    assert capsys.readouterr().out.split() == [
        f"bench-{stack}-{python}" for stack in (first, second) for python in PYTHONS[:2]
    ]


def test_schema_writes_what_the_model_says(tmp_path: Path) -> None:
    assert cli.main(["schema", "--results", str(tmp_path)]) == 0
    assert (tmp_path / "schema.json").exists()


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    monkeypatch.setattr(ports, "need_free_port", lambda *_: None)


@pytest.mark.usefixtures("nothing_installed")
def test_a_cell_that_is_not_installed_is_a_failed_cell_with_a_file_and_fails_the_run_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--stacks", UNWATCHED, "--pythons", PYTHONS[0], "--workload", "fanout"]
    arguments += ["--results", str(tmp_path), "--machine", "m", "--commit"]
    for _ in range(2):
        # Nor is there anything worth committing in a folder that is no clone.
        assert cli.main([*arguments[:-1]]) == errors.CellsFailedError.exit_code
        printed = capsys.readouterr()
        assert f"1 of 1 cells failed ({UNWATCHED} on {PYTHONS[0]}, fanout)" in printed.err
        assert "stays" not in printed.out
    ((_, written),) = store.read_results(tmp_path)
    assert isinstance(written, Result)
    assert (written.status.state, written.status.reason) == ("failed", "its environment is not installed")


@pytest.mark.usefixtures("nothing_installed")
def test_an_earlier_measurement_stays_when_its_cell_cannot_be_measured_and_nothing_is_committed(
    tmp_path: Path, result: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    store.write_result(tmp_path, "m", result)
    cell = result.cell
    arguments = ["run", "--stacks", cell.stack, "--pythons", cell.python, "--workload", cell.workload]
    arguments += ["--results", str(tmp_path), "--machine", "m", "--commit"]
    assert cli.main(arguments) == errors.CellsFailedError.exit_code
    printed = capsys.readouterr()
    assert "The earlier result stays" in printed.out
    assert f"1 of 1 cells failed ({cell})" in printed.err
    assert list(store.read_results(tmp_path)) == [("m", result)]


@pytest.mark.usefixtures("nothing_installed")
def test_a_stack_that_is_not_installed_cannot_be_run_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["environment", UNWATCHED, PYTHONS[0]]) == errors.EnvironmentMissingError.exit_code
    assert "nox -s bench-" in capsys.readouterr().err


def test_a_port_that_is_taken_has_its_own_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(port: int, purpose: str) -> None:
        raise errors.PortTakenError(f"Port {port}, needed for {purpose}, is taken.")

    monkeypatch.setattr(ports, "need_free_port", taken)
    monkeypatch.setattr(serve, "start", must_not_be_reached)
    assert cli.main(["serve", UNWATCHED]) in {errors.PortTakenError.exit_code, errors.UsageError.exit_code}
    assert len(capsys.readouterr().err.splitlines()) == 1
