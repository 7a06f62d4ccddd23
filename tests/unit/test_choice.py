"""Which cells a command line asks for: overrides, interpreters by path, and somebody's own application."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pytest

from stackmatrix import cli
from stackmatrix.commands import choice, options, own_app
from stackmatrix.commands.choice import Choice, choose_cells, make_request
from stackmatrix.errors import AppFileError, UsageError
from stackmatrix.matrix.app_workloads import ALL_PAGES
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.system import interpreters

PLAIN = PYTHONS[0]


def parse(*arguments: str) -> argparse.Namespace:
    return cli.make_parser("run").parse_args(["run", *arguments])


def chosen(*arguments: str) -> Choice:
    return choose_cells(parse(*arguments))


def pythons(*arguments: str) -> list[str]:
    cells = chosen("--stacks", REFERENCE_STACK, "--workload", "fanout", *arguments).cells
    return [cell.python for cell in cells]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path is an interpreter, which is called by its first folder."""
    monkeypatch.setattr(interpreters, "call", lambda path: f"3.13@{path.parts[1]}")


def test_an_override_stands_beside_what_is_locked_and_is_measured_once() -> None:
    with_ = ("--with", "django==5.2.*", "--with", "a==1 Django==5.1.*", "--with", "Django==5.2.*")
    assert pythons("--pythons", PLAIN, *with_) == [
        PLAIN,
        f"{PLAIN} with django==5.2.*",
        f"{PLAIN} with a==1 django==5.1.*",
    ]


@pytest.mark.usefixtures("called")
def test_an_interpreter_by_path_is_measured_alone_or_beside_those_that_are_named() -> None:
    assert pythons("--pythons", "/one/bin/python3") == ["3.13@one"]
    assert pythons("--pythons", f" /one/python , {PLAIN}", "--with", "a==1") == [
        PLAIN,
        f"{PLAIN} with a==1",
        "3.13@one",
        "3.13@one with a==1",
    ]
    assert chosen("--pythons", "/one/python,/two/python").interpreters == {
        "3.13@one": Path("/one/python"),
        "3.13@two": Path("/two/python"),
    }


@pytest.mark.usefixtures("called")
def test_two_interpreters_that_would_be_called_the_same_are_refused_and_the_same_one_twice_is_one() -> None:
    assert pythons("--pythons", "/one/python,/one/python") == ["3.13@one"]
    with pytest.raises(UsageError, match=r"^/one/python and /one/other would both be called 3\.13@one: "):
        pythons("--pythons", "/one/python,/one/other")


@pytest.mark.parametrize("wanted", [",", "", " , "])
def test_a_choice_of_pythons_that_names_none_is_refused(wanted: str) -> None:
    with pytest.raises(UsageError, match=r"^No Python was named"):
        pythons("--pythons", wanted)


@pytest.mark.usefixtures("called")
def test_only_what_has_a_lock_file_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["run", "--list", "--stacks", REFERENCE_STACK, "--with", "a==1"]
    assert cli.main([*asked, "--pythons", f"/one/python,{PLAIN}"]) == 0
    assert capsys.readouterr().out == f"env-{STACKS[REFERENCE_STACK].environment}-{PLAIN}\n"
    assert cli.main([*asked, "--pythons", "/one/python"]) == 0
    assert capsys.readouterr().out == ""


FILE = """
name = "My shop"
paths = ["/", "/blog/"]
"""
OWN_STACK = """
[stack.mine]
server = "gunicorn"
install = ["gunicorn"]
interface = "wsgi"
command = "gunicorn {wsgi} --bind 127.0.0.1:{port}"
"""


def write(folder: Path, text: str = FILE) -> str:
    (folder / "stackmatrix.toml").write_text(text)
    return str(folder)


def test_an_application_is_measured_with_all_its_pages_by_the_demos_stacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chosen("--app", write(tmp_path))
    assert {cell.stack for cell in made.cells} == {name for name, stack in STACKS.items() if stack.is_seed}
    assert {cell.workload for cell in made.cells} == {ALL_PAGES}
    assert tuple(dict.fromkeys(cell.python for cell in made.cells)) == PYTHONS
    made.print_sessions()
    assert capsys.readouterr().out == ""  # its environments are the harness's own


@pytest.mark.parametrize(
    ("wanted", "workloads"),
    [("front,pages", ["pages", "front"]), ("blog", ["blog"]), ("all", ["pages", "front", "blog"])],
)
def test_pages_of_an_application_are_chosen_by_name(tmp_path: Path, wanted: str, workloads: list[str]) -> None:
    made = chosen("--app", write(tmp_path), "--workload", wanted)
    assert list(dict.fromkeys(cell.workload for cell in made.cells)) == workloads


def test_a_page_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^Unknown workload 'blogs': did you mean blog\?$"):
        chosen("--app", write(tmp_path), "--workload", "blogs")


def test_all_stacks_of_an_application_are_those_that_serve_what_it_has(tmp_path: Path) -> None:
    def stacks(file: str) -> set[str]:
        return {cell.stack for cell in chosen("--app", write(tmp_path, file), "--stacks", "all").cells}

    with_views = {name for name, stack in STACKS.items() if stack.view is None}
    assert stacks(FILE) == with_views
    asgi = {name for name in with_views if STACKS[name].interface == "ASGI"}
    assert stacks(f"wsgi = false\n{FILE}") == asgi


def test_a_file_names_its_pythons_by_version_or_path(tmp_path: Path, called: None) -> None:
    assert called is None
    made = chosen("--app", write(tmp_path, f'python = ["3.13", "/one/python"]\n{FILE}'), "--stacks", REFERENCE_STACK)
    assert [cell.python for cell in made.cells] == ["3.13", "3.13@one"]
    assert made.interpreters == {"3.13@one": Path("/one/python")}


def test_a_folder_without_a_file_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(AppFileError, match=r'write one line: paths = \["/"\]$'):
        chosen("--app", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([], "usual/my-shop"),
        (["--results", "{told}"], "told/my-shop"),
        (["--results", "{told}/my-shop"], "told/my-shop"),
    ],
)
def test_results_of_an_application_are_in_a_folder_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], place: str
) -> None:
    for module in (options, choice):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "usual")
    given = parse("--app", write(tmp_path), *(one.format(told=tmp_path / "told") for one in arguments))
    given.results = given.results if arguments else tmp_path / "usual"
    assert make_request(given, PROFILES["answer"], choose_cells(given)).folder == tmp_path / place


def test_a_first_look_is_at_all_pages_on_the_reference_first_whichever_pages_were_chosen() -> None:
    cells = [Cell(stack=stack, python=python, workload="front") for stack in ("a", "b") for python in ("3.12", "3.13")]
    first = cells[3]
    assert own_app.to_look_at(first, cells) == (
        Cell(stack="b", python="3.13", workload=ALL_PAGES),
        Cell(stack="a", python="3.12", workload=ALL_PAGES),
    )
