"""The table of lines: each is shown once, never fails, and a run says its notes and stops where it could not go on."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stackmatrix import cli
from stackmatrix.commands.examining import first, rows
from stackmatrix.commands.examining.case import Case
from stackmatrix.commands.examining.rows import ROWS, Row, examine
from stackmatrix.errors import MachineLimitError, OpenFilesError, PortTakenError, ResultsFolderError, StackmatrixError
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK
from stackmatrix.results.diagnosis import Diagnosis, Examination, encode, fine, note, stops, unknown
from stackmatrix.system import cgroup, linux
from stackmatrix.system.processes import PROJECT

type MakeCase = Callable[..., Case]

ASKED = argparse.Namespace(nox_report=None)
ONE = ["--stacks", REFERENCE_STACK, "--pythons", PYTHONS[0], "--workload", "no_calls", "--profile", "smoke"]


def row(title: str, found: Diagnosis) -> Row:
    return Row(title, lambda _: found)


def test_every_line_has_a_title_of_its_own_that_fits_beside_what_is_said() -> None:
    titles = [one.title for one in ROWS]
    assert len(set(titles)) == len(titles)
    assert max(map(len, titles)) < 20


def test_the_page_says_of_every_line_what_is_looked_at() -> None:
    page = (PROJECT / "docs" / "doctor.md").read_text(encoding="utf-8")
    told = {title for names in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for title in names.split(", ")}
    assert {one.title for one in ROWS} | {"decides", "takes"} <= told


@pytest.mark.parametrize("error", [OSError("gone"), ValueError(), KeyError(8), IndexError(), psutil.AccessDenied(1)])
def test_what_a_system_tells_in_an_odd_way_is_unknown_and_ends_nothing(make_case: MakeCase, error: Exception) -> None:
    def fail(_: Case) -> Diagnosis:
        raise error

    found = examine(make_case(), [Row("odd", fail), row("even", fine("It is."))])
    assert [one.state for one in found.values()] == ["unknown", "fine"]
    assert type(error).__name__ in found["odd"].said


def test_what_a_user_has_to_mend_stops_with_its_own_code(make_case: MakeCase) -> None:
    def fail(_: Case) -> Diagnosis:
        raise PortTakenError("A port is taken: stop it.")

    found = examine(make_case(), [Row("ports", fail)])["ports"]
    assert (found.state, found.exit_code, found.said) == ("stops", 3, "A port is taken: stop it.")


@pytest.mark.parametrize("text", [None, "", "cpu\n", "\0\xff", "max max max\n0::\n- - -\n"])
def test_no_line_fails_on_files_of_the_kernel_that_are_not_there_or_odd(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    from stackmatrix.system import clock, cores, foreign, host, ports  # noqa: PLC0415 - who reads such files

    for module in (cgroup, clock, cores, foreign, host, linux, ports):
        monkeypatch.setattr(module, "read", lambda _: text)
    found = examine(make_case(profile="smoke"))
    assert [*found] == [one.title for one in ROWS]
    assert all(one.said for one in found.values())


def test_a_system_that_hides_nearly_all_of_itself_gets_its_screen_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/proc/meminfo")

    for name in ("virtual_memory", "cpu_times", "pids", "process_iter", "net_connections"):
        monkeypatch.setattr(psutil, name, hidden)
    assert cli.main(["doctor", *ONE, "--results", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "unknown" in told.out
    assert "/proc/meminfo" in told.out
    assert "The run can begin." in told.out


def test_the_first_thing_that_stops_gives_the_exit_code_and_all_of_it_is_data() -> None:
    found = Examination.of("m", {"a": fine("A."), "b": stops(6, "B."), "c": stops(14, "C."), "d": unknown("D.")})
    assert found.exit_code == 6
    assert [*found.of_state("stops")] == ["b", "c"]
    told = json.loads(encode(found))
    assert (told["exit_code"], told["machine"]) == (6, "m")
    assert told["diagnoses"]["b"] == {"state": "stops", "said": "B.", "remedy": None, "exit_code": 6}
    assert Examination.of("m", {"a": note("A.")}).exit_code == 0


def test_a_run_says_its_notes_in_a_line_each_and_nothing_where_all_is_fine(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rows, "ROWS", (row("a", fine("A.")), row("b", unknown("B."))))
    first.look_first(make_case(), ASKED)
    assert capsys.readouterr() == ("", "")
    quiet = Row("d", lambda _: note("D."), is_quiet=True)
    monkeypatch.setattr(
        rows, "ROWS", (row("a", fine("A.")), row("b", note("B:\nb.", "Mend it.")), row("c", note("C.")), quiet)
    )
    first.look_first(make_case(), ASKED, but=["c"])
    assert capsys.readouterr() == ("", "Note on b: B: b. Mend it.\n")


def test_what_stops_a_run_raises_its_own_error_with_all_that_stops_it(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROWS", (row("a", stops(14, "A.", "Mend a.")), row("b", stops(6, "B."))))
    with pytest.raises(MachineLimitError, match=r"^A\. Mend a\. B\.$"):
        first.look_first(make_case(), ASKED)


def test_every_code_that_a_line_may_have_is_an_errors() -> None:
    for kind in StackmatrixError.__subclasses__():
        assert type(first.error_of([stops(kind.exit_code, "It is.")])) is kind


def test_what_nox_was_told_when_it_asked_is_not_said_again(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rows, "ROWS", (row("a", stops(14, "A.")),))
    first.look_first(make_case(), argparse.Namespace(nox_report=Path("/dev/null")))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("command", [["run", *ONE], ["compare", "httpx==0.27.*", "httpx==0.28.*", "--pythons", "3.13"]])
def test_what_would_stop_a_run_is_said_before_anything_is_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "file").touch()
    asked = [*command, "--list", "--results", str(tmp_path / "file")]
    assert cli.main(asked) == ResultsFolderError.exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "cannot be written (Not a directory)" in printed.err


def test_a_limit_of_the_control_group_is_said_before_anything_is_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "quota_cores", lambda _: 0.5)
    assert cli.main(["run", *ONE, "--list", "--results", str(tmp_path)]) == MachineLimitError.exit_code
    assert "may use 0.5 of" in capsys.readouterr().err


def test_the_doctor_ends_with_the_code_of_what_stops_and_shows_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_low(_: int) -> int:
        raise OpenFilesError("Too few: raise the limit.")

    monkeypatch.setattr("stackmatrix.system.host.need_open_files", too_low)
    told = tmp_path / "told.json"
    asked = ["doctor", *ONE, "--results", str(tmp_path / "r"), "--machine", "m", "--json", str(told)]
    assert cli.main(asked) == OpenFilesError.exit_code
    printed = capsys.readouterr()
    assert "The run cannot begin: open files (exit code 5)." in printed.out
    assert printed.err == ""
    found = json.loads(told.read_text())
    assert found["exit_code"] == OpenFilesError.exit_code
    assert {one.title for one in ROWS} | {"decides", "takes"} == {*found["diagnoses"]}
    assert not (tmp_path / "r").exists()
