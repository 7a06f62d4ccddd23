"""What each target is given: its variables and its folder, those of somebody's own application among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from stackmatrix.matrix.app import App, Database
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.results.model import Result
from stackmatrix.system.cores import Layout
from stackmatrix.system.launch import Setting
from stackmatrix.system.processes import SOURCE
from stackmatrix.testbed import places
from stackmatrix.testbed.raised import RaisedLogs, path_of
from under_test import application, planted, raised

WSGI = next(stack for stack in STACKS.values() if stack.interface == "WSGI")
SYNC_VIEW = next(stack for stack in STACKS.values() if stack.view == "sync")
PREFIX = Path("/environments/one")
FEW = 2
"""Connections that the application's database allows."""


@dataclass(frozen=True, slots=True)
class Arranged:
    cwd: Path
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = ("TOKEN",)


@dataclass
class Arranger:
    """Notes for whom places are made."""

    made: list[tuple[str, str]] = field(default_factory=list)

    def arrange(self, interface: str, name: str) -> Arranged:
        self.made.append((interface, name))
        return Arranged(Path("/places") / name, {"PATH": "/usr/bin", "PYTHONPATH": "/places/settings", "TOKEN": "x y"})

    def databases(self, interface: str) -> tuple[Database, ...]:
        return (Database("default", FEW, 60 if interface == "ASGI" else 0),)


@pytest.fixture
def arranger() -> Arranger:
    return Arranger()


@pytest.fixture
def subject(arranger: Arranger, make_subject: Callable[[Cell], Subject]) -> Subject:
    """A cell of somebody's own application."""
    app = App("shop", "shop.wsgi:application", "shop.asgi:application", (), arranger=arranger)
    made = make_subject(Cell(stack=WSGI.name, python="3.13", workload="fanout"))
    return replace(made, app=app, environment=Installation(PREFIX, "0"))


LAYOUT = Layout(target=(7,), further=(5, 4), generator=(6,), api=(3,), harness=(0,))


def setting(subject: Subject) -> Setting:
    (made,) = places.place([subject], {subject.name: 8000}, lambda _: (), Path("/testbed"), LAYOUT)
    return made.setting


def test_a_target_of_an_application_starts_in_its_own_place_with_its_environment_first(
    subject: Subject, arranger: Arranger
) -> None:
    given = setting(subject)
    assert arranger.made == [("WSGI", subject.name)]
    assert given.folder == f"/places/{subject.name}"
    assert given.variables == {
        application.VARIABLE: "shop.wsgi:application",
        "PATH": f"{PREFIX}/bin:/usr/bin",
        "PYTHONPATH": f"/places/settings:{SOURCE}",
        "TOKEN": "x y",
        "VIRTUAL_ENV": str(PREFIX),
        raised.VARIABLE: f"/testbed/{subject.name}.raised",
    }


def test_every_target_has_a_place_of_its_own_controls_too(subject: Subject, arranger: Arranger) -> None:
    cells = [replace(subject, cell=Cell(stack=WSGI.name, python="3.13", workload="w", control=control))
             for control in (None, "twin", "planted")]  # fmt: skip
    made = places.place(cells, {one.name: 8000 for one in cells}, lambda _: (), Path("/testbed"), LAYOUT)
    assert len({name for _, name in arranger.made}) == len({one.setting.folder for one in made}) == 3
    planted_at = [one.setting.variables.get(planted.VARIABLE) for one in made]
    assert planted_at == [None, None, f"/testbed/{places.PLANTED}"]


def test_a_stack_with_the_views_of_the_other_interface_gets_the_place_of_that_one(
    subject: Subject, arranger: Arranger
) -> None:
    setting(replace(subject, stack=SYNC_VIEW))
    assert [interface for interface, _ in arranger.made] == ["WSGI"]


def test_the_built_in_site_starts_where_the_harness_does_with_the_variables_of_its_workload(
    make_subject: Callable[[Cell], Subject],
) -> None:
    given = setting(make_subject(Cell(stack=WSGI.name, python="3.13", workload="no_middleware")))
    assert given.folder is None
    assert given.variables == {
        application.VARIABLE: "fanout_site.wsgi:application",
        "FANOUT_SITE_MIDDLEWARE": "none",
    }


def test_what_is_a_server_itself_is_given_nothing(subject: Subject, arranger: Arranger) -> None:
    assert setting(replace(subject, app=replace(subject.app, wrapped=False))) == Setting()
    assert arranger.made == []


def test_no_secret_is_in_a_command_or_in_what_is_printed_of_an_application(subject: Subject) -> None:
    (made,) = places.place([subject], {subject.name: 8000}, lambda _: (), Path("/testbed"), LAYOUT)
    assert "x y" not in " ".join(made.command)
    assert "Arranger" not in repr(subject.app)


def test_a_target_of_several_processes_has_a_core_for_each_as_far_as_they_reach(subject: Subject) -> None:
    given = [setting(replace(subject, stack=replace(WSGI, workers=workers))).cores for workers in (1, 2, 3, 8)]
    assert given == [(), (7, 5), (7, 5, 4), (7, 5, 4)]
    assert Layout(target=(1,), generator=(0,), api=(0,), harness=(0,)).of_target(2) == (1,)


def test_where_a_target_writes_what_it_raises_is_no_condition_of_what_is_measured(
    subject: Subject, result: Result
) -> None:
    (made,) = places.place([subject], {subject.name: 8000}, lambda _: (), Path("/testbed"), LAYOUT)
    assert result.conditions is not None
    environment = places.describe(made, Path("/testbed"), result.conditions.environment.python, {})
    assert "TOKEN" in environment.variables
    assert raised.VARIABLE not in environment.variables


REFUSED = raised.Raised("OperationalError", "FATAL: sorry, too many clients already", "", ())
OTHER = raised.Raised("ValueError", "", "", ())


def test_what_was_raised_is_taken_once_and_a_line_that_is_not_whole_later(subject: Subject, tmp_path: Path) -> None:
    logs = RaisedLogs([replace(subject, stack=replace(WSGI, slots=FEW + 1))], tmp_path)
    (one,) = logs.subjects
    assert logs.take(one) == ()
    file = path_of(one, tmp_path)
    file.write_bytes(REFUSED.to_line() + OTHER.to_line()[:10])
    assert [found.code for found in logs.take(one)] == ["more-threads-than-connections"]
    assert logs.take_all() == ((),)
    with file.open("ab") as more:
        more.write(OTHER.to_line()[10:] + b'{"type": "Val{"type": "ValueError"}\n')
    assert [found.sentence for found in logs.take(one)] == ["Requests raised ValueError."]


def test_nothing_is_read_of_the_built_in_site(subject: Subject, tmp_path: Path) -> None:
    built_in = replace(subject, app=replace(subject.app, arranger=None))
    path_of(built_in, tmp_path).write_bytes(OTHER.to_line())
    assert RaisedLogs([built_in], tmp_path).take(built_in) == ()


def test_the_figures_of_the_external_api_that_an_application_has_of_its_own_count(subject: Subject) -> None:
    own = replace(subject, app=replace(subject.app, api_port=9009))
    assert places.api_port([subject], {"api": 9000}) == 9000
    assert places.api_port([own], {"api": 9000}) == 9009


def test_flags_to_trust_a_proxy_stand_before_the_application_and_only_where_https_is_claimed(subject: Subject) -> None:
    row = next(stack for stack in STACKS.values() if stack.trusting)
    plain = replace(subject, stack=row)
    claiming = replace(plain, app=replace(subject.app, claims_https=True))
    program, *rest = plain.command(8000)
    assert claiming.command(8000) == (program, *row.trusting, *rest)
    assert not {*row.trusting} & {*rest}
