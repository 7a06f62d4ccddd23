"""What the words of a comparison's two sides name, and which cells stand side by side for them."""

import argparse
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix import cli
from stackmatrix.application import requirements
from stackmatrix.application.environments import name_of
from stackmatrix.commands import compare
from stackmatrix.commands.comparing import side_by_side
from stackmatrix.commands.comparing.side_by_side import Plan, make_plan
from stackmatrix.errors import AppError, UsageError
from stackmatrix.matrix.app_file import read
from stackmatrix.matrix.cells import Installation, Missing, choose_stacks
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.measurements.request import Request

LOOP = next(name for name in choose_stacks(None) if STACKS[name].waits_with == "event loop")
SERVER = STACKS[LOOP].server
NEWEST = "3.13"


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest Python, and the newest release of each package."""
    monkeypatch.setattr(side_by_side, "_newest", lambda _: NEWEST)
    monkeypatch.setattr(requirements, "newest", lambda name, *_: f"{name}==9.9")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A project in a repository with two commits."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "stackmatrix.toml").write_text('paths = ["/"]\ninstall = ["django"]\n')
    (folder / "new.txt").write_text("django\n")
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    for message in ("one", "two"):
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", message], check=True)
    return folder


def parse(*arguments: str) -> argparse.Namespace:
    return cli.make_parser("compare").parse_args(["compare", *arguments])


def plan(*arguments: str, is_self: bool = False) -> Plan:
    options = parse(*arguments)
    return make_plan(options, *compare.words_of(options), is_self=is_self)


def places(one: Plan) -> list[tuple[str, str]]:
    return [(cell.stack, cell.python) for cell in one.cells]


def test_packages_stand_on_the_servers_that_have_them() -> None:
    made = plan("--a", f"{SERVER}==0.30.*", "--b", f"{SERVER}==0.40.*")
    assert places(made) == [
        (LOOP, f"{NEWEST} with {SERVER}==0.30.* of base"),
        (LOOP, f"{NEWEST} with {SERVER}==0.40.* of head"),
    ]
    assert made.pairs == (made.cells[::-1],)


def test_other_packages_stand_on_the_reference_and_on_an_event_loop() -> None:
    made = plan("httpx==0.27.*", "httpx==0.28.*")
    assert [cell.stack for cell in made.cells] == [REFERENCE_STACK] * 2 + [LOOP] * 2


def test_several_packages_may_differ_at_once() -> None:
    made = plan("--a", "httpx==0.27.*", "--a", "django==5.1.*", "--b", "httpx==0.28.* django==5.2.*")
    assert made.base.overrides == ("django==5.1.*", "httpx==0.27.*")
    assert made.head.overrides == ("django==5.2.*", "httpx==0.28.*")


def test_a_package_alone_is_its_newest_release_and_a_side_left_out_is_what_is_locked() -> None:
    assert plan("httpx==0.27.*", "httpx").head.side.title == "httpx==9.9"
    left_out = plan("--a", "httpx==0.27.*")
    assert (left_out.head.side.title, left_out.head.overrides) == ("as locked", ())
    assert left_out.cells[1].python == f"{NEWEST} of head"


def test_two_pythons_and_two_stacks_are_sides() -> None:
    assert places(plan("3.12", "3.13", "--stacks", LOOP)) == [(LOOP, "3.12 of base"), (LOOP, "3.13 of head")]
    assert places(plan(LOOP, REFERENCE_STACK)) == [(LOOP, f"{NEWEST} of base"), (REFERENCE_STACK, f"{NEWEST} of head")]


def test_what_is_a_stack_and_a_package_is_what_the_other_side_is() -> None:
    assert plan(LOOP, f"{SERVER}==0.40.*").base.kind == "packages"
    assert plan(LOOP, REFERENCE_STACK).base.kind == "stack"


def test_of_an_application_revisions_and_files_are_sides(app: Path) -> None:
    revisions = plan("HEAD~1", "main", "--app", str(app))
    assert [one.kind for one in (revisions.base, revisions.head)] == ["revision"] * 2
    assert revisions.base.side.commit != revisions.head.side.commit
    assert {cell.workload for cell in revisions.cells} == {"pages"}
    against_files = plan("HEAD", "--app", str(app))
    assert (against_files.head.side.title, against_files.head.side.commit) == ("the working tree", None)
    (app / "old.txt").write_text("django<5\n")
    files = plan("old.txt", "new.txt", "--app", str(app))
    assert [one.file for one in (files.base, files.head)] == [app / "old.txt", app / "new.txt"]


def test_each_side_of_an_application_has_environments_of_its_own(app: Path) -> None:
    file, stack = read(app), STACKS[LOOP]
    names = {name_of(replace(file, side=side), stack, NEWEST) for side in ("", "base", "head")}
    assert len(names) == 3


def test_a_thing_stands_beside_itself() -> None:
    made = plan("httpx==0.28.*", is_self=True)
    assert {one.python for one in made.cells} == {f"{NEWEST} with httpx==0.28.* of {side}" for side in ("base", "head")}
    assert places(plan(is_self=True))[0] == (REFERENCE_STACK, f"{NEWEST} of base")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Nothing to compare was named"),
        (("httpx==0.28.*", "3.13"), "must be of one kind: 'httpx==0.28.*' is packages and '3.13' is a Python"),
        (("??", "httpx==1"), "'??' is no package with a version"),
        (("3.13", "3.9"), "'3.9' is no package with a version"),
        (("httpx", "django"), "are two packages, and no change of one: name two versions of one ('httpx==1.2.*')"),
        ((SERVER, STACKS[REFERENCE_STACK].server), "are two packages"),
        (("3.13",), "'3.13' is a Python, to be compared with another one"),
        (("a==1", "b==1", "c==1"), "A comparison has two sides"),
        (("--a", "a==1", "b==1", "c==1"), "A comparison has two sides"),
        (("httpx==0.28.*", "httpx==0.27.*", "--stacks", "nothing"), "Unknown stack or tag 'nothing'"),
    ],
)
def test_words_that_name_no_two_sides_are_refused_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        plan(*words)


def test_a_revision_that_is_none_is_refused_by_name(app: Path) -> None:
    with pytest.raises(UsageError, match="git knows no such revision of shop"):
        plan("no/such", "main", "--app", str(app))


def test_comparisons_of_unlike_sides_or_applications_have_folders_of_their_own(app: Path, tmp_path: Path) -> None:
    made = [plan("httpx==0.27.*", "httpx==0.28.*"), plan("httpx==0.28.*", "httpx==0.27.*")]
    made += [plan("HEAD~1", "HEAD", "--app", str(app))]
    folders = {compare.folder_of(tmp_path, one) for one in made}
    assert len(folders) == 3
    assert all(one.parent == tmp_path for one in folders)


def test_a_comparison_is_repeated_by_the_command_that_it_names() -> None:
    said = compare.command_of(parse("--a", "httpx==0.27.*", "--b", "httpx", "--stacks", LOOP, "--minutes", "3"))
    assert said == f"nox -s compare -- --a 'httpx==0.27.*' --b httpx --stacks {LOOP} --minutes 3"


def test_a_side_of_which_nothing_can_be_measured_ends_the_comparison_before_the_other_is_measured(
    tmp_path: Path,
) -> None:
    made = plan("httpx==0.27.*", "httpx==0.28.*", "--stacks", LOOP)
    base, head = made.cells
    installed = {(STACKS[LOOP].environment, str(Runtime.of(base.python).without_side)): Installation(tmp_path, "0")}
    why = Missing("failed", "--with 'httpx==0.28.*' does not resolve: there is none")
    missing = {(STACKS[LOOP].environment, str(Runtime.of(head.python).without_side)): why}
    catalogue = replace(made.catalogue, installed=installed, missing=missing)
    request = Request(cells=made.cells, seed=1, folder=tmp_path, catalogue=catalogue)
    said = "httpx==0.28.* (head) cannot be measured: 'httpx==0.28.*' does not resolve: there is none."
    with pytest.raises(AppError, match=re.escape(said)):
        side_by_side.need_both(made, request)
    other = {**installed, **dict.fromkeys(missing, Installation(tmp_path, "1"))}
    side_by_side.need_both(made, replace(request, catalogue=replace(catalogue, installed=other)))


def test_the_options_of_a_comparison_can_be_passed_on_with_one_of_them_changed() -> None:
    options = parse("httpx==0.27.*", "httpx==0.28.*", "--self", "3", "--bisect")
    changed = argparse.Namespace(**{**vars(options), "measure": "cost"})
    assert (changed.repeats, changed.measure, changed.bisect) == (3, "cost", True)
