"""Target environments, by the stamps that the noxfile leaves, and why one is missing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stackmatrix.errors import EnvironmentMissingError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.catalogue import BUILT_IN_CATALOGUE, Catalogue
from stackmatrix.matrix.cells import CONTROLS, NO_PYTHON, Cell, Installation, Missing, Subject
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.stack import SystemNeed
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.testbed import environments

HERE = Cell(stack="here", python="3.13", workload="w")
GONE = Cell(stack="gone", python="3.13", workload="w")


@pytest.fixture
def stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes an environment's stamp; the stacks ``here`` and ``gone`` have lock files."""
    locks = tmp_path / "requirements"
    locks.mkdir()
    for name in ("here", "gone"):
        (locks / f"{name}.txt").write_text(f"{name}==1")
    monkeypatch.setattr(environments, "REQUIREMENTS", locks)

    def write(content: object, name: str = "env-here-3-13") -> Path:
        folder = tmp_path / "nox" / name
        folder.mkdir(parents=True)
        (folder / environments.STAMP).write_text(content if isinstance(content, str) else json.dumps(content))
        return folder.parent

    return write


def content(stack: str = "here", python: str = "3.13") -> dict[str, str | None]:
    return {"stack": stack, "python": python, "lock_sha256": environments.lock_sha256(stack)}


def test_an_environment_is_found_by_its_stamp(stamp: Callable[..., Path]) -> None:
    folder = stamp(content())
    lock = environments.lock_sha256("here")
    assert lock is not None
    assert environments.installed(folder) == {("here", "3.13"): Installation(folder / "env-here-3-13", lock)}


def test_an_environment_of_another_lock_file_is_not_installed(stamp: Callable[..., Path]) -> None:
    folder = stamp(content())
    (environments.REQUIREMENTS / "here.txt").write_text("here==2")
    assert environments.installed(folder) == {}


def test_an_environment_without_its_lock_file_is_not_installed(stamp: Callable[..., Path]) -> None:
    folder = stamp(content())
    (environments.REQUIREMENTS / "here.txt").unlink()
    assert environments.installed(folder) == {}


def test_a_stamp_without_a_hash_of_a_stack_without_a_lock_file_is_no_environment(stamp: Callable[..., Path]) -> None:
    assert environments.installed(stamp({"stack": "nobody", "python": "3.13", "lock_sha256": None})) == {}


@pytest.mark.parametrize("broken", ["", '{"stack": "here", "pyt', "[]", "null", {"lock_sha256": "tool"}])
def test_a_stamp_that_is_no_whole_one_counts_as_not_installed(stamp: Callable[..., Path], broken: object) -> None:
    stamp(broken, "broken")
    folder = stamp(content())
    assert list(environments.installed(folder)) == [("here", "3.13")]


def test_a_folder_that_is_not_there_holds_no_environment(tmp_path: Path) -> None:
    assert environments.installed(tmp_path / "none") == {}


def test_a_cell_is_resolved_with_everything_that_its_names_stand_for(monkeypatch: pytest.MonkeyPatch) -> None:
    python = PYTHONS[0]
    names = {stack.environment for stack in STACKS.values()}
    places = {(name, python): Installation(Path("/opt") / name, name) for name in names}
    monkeypatch.setattr(environments, "installed", lambda: places)
    cells = [
        Cell(stack=stack, python=python, workload=workload, control=control)
        for workload in WORKLOADS
        for stack in STACKS
        for control in (None, *CONTROLS)
    ]
    assert environments.resolve(cells) == [
        Subject(
            one,
            STACKS[one.stack],
            WORKLOADS[one.workload],
            BUILT_IN,
            places[STACKS[one.stack].environment, one.python],
        )
        for one in cells
    ]


def test_what_is_needed_and_not_installed_is_an_error_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    with pytest.raises(
        EnvironmentMissingError, match=r"^gone is not installed for Python 3\.13: run nox -s env-gone-3\.13$"
    ):
        environments.resolve([GONE])


def report_of(tmp_path: Path, result: str) -> Path:
    """A report as ``nox --report`` writes it."""
    sessions = [
        {"session": "tool", "signatures": ["tool"], "result": "success", "result_code": 1, "args": {}},
        {"session": "env-gone", "signatures": ["env-gone-3.13"], "result": result, "result_code": 0, "args": {}},
    ]
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"result": 1, "sessions": sessions}))
    return path


@pytest.mark.parametrize(
    ("result", "state", "word"),
    [
        ("skipped", "skipped", "was not found"),
        ("failed", "failed", "could not be installed"),
        ("aborted", "failed", "could not be installed"),
    ],
)
def test_nox_report_tells_a_python_that_is_not_there_from_packages_that_did_not_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str, state: str, word: str
) -> None:
    monkeypatch.setattr(environments, "installed", lambda: {("here", "3.13"): Installation(Path("/here"), "0")})
    missing = environments.find_missing([HERE, GONE], report_of(tmp_path, result))
    assert list(missing) == [GONE]
    assert missing[GONE].state == state
    assert word in missing[GONE].reason


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"sessions": 1}'])
def test_without_a_readable_report_a_missing_environment_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    path = tmp_path / "report.json"
    path.write_text(text)
    assert environments.find_missing([GONE], path) == {GONE: Missing("failed", "its environment is not installed")}
    assert environments.find_missing([GONE], None) == {GONE: Missing("failed", "its environment is not installed")}


def test_where_the_installing_nox_left_no_report_that_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    assert environments.find_missing([GONE], tmp_path / "report.json") == {GONE: environments.NOTHING_INSTALLED}


MADE_UP = Stack("made_up", "", "server", (), "WSGI", "threads", 1, ("server",))
LACKING = SystemNeed("a made-up program", ("no-such-program", "nor-this-one"), "apt install nothing")
THERE = SystemNeed("a shell", ("no-such-program", "sh"), "apt install nothing")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cell]:
    """Puts a row into the table of stacks; returns its cell on 3.13."""

    def put(**changed: Any) -> Cell:
        stack = replace(MADE_UP, **changed)
        monkeypatch.setitem(STACKS, stack.name, stack)
        monkeypatch.setattr(environments, "installed", dict)
        return Cell(stack=stack.name, python="3.13", workload="w")

    return put


def test_a_stack_that_cannot_run_on_a_python_is_excluded_with_the_reason_before_anything_is_installed(
    table: Callable[..., Cell],
) -> None:
    cell = table(not_on={"3.13": "it crashes at its start"})
    assert environments.find_missing([cell], None) == {cell: Missing("excluded", "it crashes at its start")}
    other = msgspec.structs.replace(cell, python="3.12")
    assert environments.find_missing([other], None)[other].state == "failed"


def test_a_stack_whose_needs_the_system_lacks_is_excluded_with_the_remedy(table: Callable[..., Cell]) -> None:
    cell = table(needs=(THERE, LACKING))
    told = "made_up needs a made-up program, which is not here: install it (apt install nothing)"
    assert environments.find_missing([cell], None) == {cell: Missing("excluded", told)}


def test_a_stack_whose_needs_are_met_by_any_of_the_programs_is_not_excluded(table: Callable[..., Cell]) -> None:
    assert environments.why_excluded(table(needs=(THERE,))) is None


def test_a_program_of_the_systems_own_folders_is_found_whatever_the_users_path_is(
    table: Callable[..., Cell], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "made-up-server").touch(mode=0o755)
    cell = table(needs=(SystemNeed("a server", ("made-up-server",), ""),))
    assert environments.why_excluded(cell)
    monkeypatch.setattr(environments, "SYSTEM_FOLDERS", str(tmp_path))
    assert environments.why_excluded(cell) is None


def test_a_stack_that_shares_an_environment_is_installed_by_the_session_of_its_name(
    table: Callable[..., Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = table(shares_with="here")
    assert environments.session_name(cell) == "env-here-3.13"
    monkeypatch.setattr(environments, "installed", lambda: {("here", "3.13"): Installation(Path("/here"), "0")})
    assert environments.find_missing([cell], None) == {}


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Somebody's own application: one cell installed by the harness, one that failed, one whose Python is not here."""
    by_nox = {("one", "3.13"): Installation(Path("/nox"), "0"), ("two", "3.13"): Installation(Path("/nox"), "0")}
    monkeypatch.setattr(environments, "installed", lambda: by_nox)
    stacks = {name: replace(MADE_UP, name=name) for name in ("one", "two")}
    return Catalogue(
        replace(BUILT_IN, name="shop", sha256="ab"),
        stacks,
        {"pages": replace(WORKLOADS["fanout"], name="pages")},
        installed={("one", "3.13"): Installation(Path("/own"), "1")},
        missing={("two", "3.13"): Missing("failed", "it does not resolve"), ("one", "3.14"): NO_PYTHON},
    )


def own(stack: str, python: str = "3.13") -> Cell:
    return Cell(stack=stack, python=python, workload="pages")


def test_an_application_runs_in_the_environments_made_for_it_and_in_no_other(catalogue: Catalogue) -> None:
    (subject,) = environments.resolve([own("one")], catalogue)
    assert subject.environment.prefix == Path("/own")
    assert (subject.app, subject.stack) == (catalogue.app, catalogue.stacks["one"])
    with pytest.raises(EnvironmentMissingError):
        environments.resolve([own("two")], catalogue)


def test_what_did_not_resolve_has_failed_with_the_reason_and_a_python_that_is_not_here_is_skipped(
    catalogue: Catalogue,
) -> None:
    cells = [own("one"), own("two"), own("one", "3.14"), own("two", "3.12")]
    assert environments.find_missing(cells, None, catalogue) == {
        own("two"): Missing("failed", "it does not resolve"),
        own("one", "3.14"): Missing("skipped", "this Python was not found"),
        own("two", "3.12"): Missing("failed", "its environment is not installed"),
    }


def test_overridden_cells_of_the_built_in_site_stand_beside_what_nox_has_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, place = STACKS[next(iter(STACKS))].environment, "3.13 with django==5.2.*"
    plain, overridden = (Cell(stack=name, python=one, workload="fanout") for one in ("3.13", place))
    monkeypatch.setattr(environments, "installed", lambda: {(name, "3.13"): Installation(Path("/nox"), "0")})
    made = replace(BUILT_IN_CATALOGUE, installed={(name, place): Installation(Path("/made"), "1")})
    found = environments.resolve([plain, overridden], made)
    assert [one.environment.prefix for one in found] == [Path("/nox"), Path("/made")]
    assert list(environments.find_missing([plain, overridden], None)) == [overridden]


def test_both_sides_of_a_comparison_stand_on_what_is_installed_once(
    stamp: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stamp(content())
    known = environments.installed(folder)
    monkeypatch.setattr(environments, "installed", lambda: known)
    catalogue = Catalogue(BUILT_IN, {"here": next(iter(STACKS.values()))}, {"w": next(iter(WORKLOADS.values()))})
    catalogue = replace(catalogue, stacks={"here": replace(catalogue.stacks["here"], name="here", shares_with=None)})
    sides = [msgspec.structs.replace(HERE, python=f"3.13 of {side}") for side in ("base", "head")]
    assert environments.find_missing(sides, None, catalogue) == {}
    prefixes = {one.environment.prefix for one in environments.resolve(sides, catalogue)}
    assert prefixes == {folder / "env-here-3-13"}
    assert {environments.session_name(cell) for cell in sides} == {"env-here-3.13"}


def test_each_side_has_what_its_own_catalogue_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    stack = replace(next(iter(STACKS.values())), name="here", shares_with=None)
    workload = next(iter(WORKLOADS.values()))

    def of_side(side: str) -> Catalogue:
        place = (("here", f"3.13 of {side}"), Installation(Path("/", side), "0"))
        return Catalogue(replace(BUILT_IN, name=side), {"here": stack}, {"w": workload}, dict([place]))

    whole = replace(of_side("base"), sides={side: of_side(side) for side in ("base", "head")})
    cells = [msgspec.structs.replace(HERE, python=f"3.13 of {side}") for side in ("base", "head")]
    found = environments.resolve(cells, whole)
    assert [(one.app.name, str(one.environment.prefix)) for one in found] == [("base", "/base"), ("head", "/head")]


def test_why_packages_could_not_be_installed_is_what_was_said_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "installed", dict)
    monkeypatch.setattr(environments, "NOX_FOLDER", tmp_path)
    report = tmp_path / "report.json"
    sessions = [{"result": "failed", "signatures": ["env-gone-3.13"]}]
    report.write_text(json.dumps({"sessions": sessions}))
    assert environments.find_missing([GONE], report)[GONE].reason.endswith("installed: see what nox printed")
    log = tmp_path / "env-gone-3-13" / environments.INSTALL_LOG
    log.parent.mkdir()
    log.write_bytes(
        b"error: Failed to build `gone==1`\n  cause: The build backend returned an error\n  the \xff last word\n"
    )
    reason = environments.find_missing([GONE], report)[GONE].reason
    assert (
        reason
        == "its packages could not be installed: gone==1 is built from source, and that failed: the \ufffd last word"
    )
