"""Which cells are chosen, in which order they come, which has a twin, and how one is served."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from stackmatrix.errors import UsageError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import (
    CONTROLS,
    WRAPPED_ASGI,
    WRAPPED_WSGI,
    Cell,
    Control,
    Installation,
    Subject,
    choose,
    choose_one,
    choose_stacks,
    controls_of,
    make_cells,
    of_newest_python,
    reference_of,
)
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.matrix.stacks.stack import PLACES
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page

FRUIT = ("apple", "banana", "cherry")


def test_no_choice_is_everything() -> None:
    assert choose("fruit", None, FRUIT) == FRUIT


def test_a_choice_comes_in_the_order_of_the_table_and_once() -> None:
    assert choose("fruit", "cherry, apple,cherry", FRUIT) == ("apple", "cherry")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"^Unknown fruit 'bannana': did you mean banana\?$"):
        choose("fruit", "apple,bannana", FRUIT)


def test_a_name_that_others_begin_with_suggests_these_before_what_is_spelt_nearly_so() -> None:
    with pytest.raises(UsageError, match=r"^Unknown stack 'gunicorn': did you mean gunicorn_a or gunicorn_b\?$"):
        choose("stack", "gunicorn", ("uvicorn", "gunicorn_a", "gunicorn_b"))


def test_an_unknown_name_that_is_near_to_none_lists_all() -> None:
    with pytest.raises(UsageError, match=r"^Unknown fruit 'xyz': choose from: apple, banana, cherry\.$"):
        choose("fruit", "xyz", FRUIT)


@pytest.mark.parametrize("nothing", ["", " , "])
def test_naming_nothing_is_refused(nothing: str) -> None:
    with pytest.raises(UsageError, match="No fruit was named"):
        choose("fruit", nothing, FRUIT)


def test_where_one_is_wanted_two_are_refused_by_name() -> None:
    assert choose_one("fruit", " banana", FRUIT) == "banana"
    with pytest.raises(
        UsageError, match=r"^Only one fruit can be chosen, not 'banana,apple': choose from apple, banana\.$"
    ):
        choose_one("fruit", "banana,apple", FRUIT)


@pytest.mark.parametrize("wanted", ["3.11", "3.13.1", "3", "python3.13", "2.7"])
def test_what_is_not_of_the_axis_is_no_python_of_a_run(wanted: str) -> None:
    with pytest.raises(UsageError, match="Unknown Python"):
        choose("Python", f"{PYTHONS[0]},{wanted}", PYTHONS)


def test_cells_are_the_product_in_the_order_of_the_tables() -> None:
    cells = make_cells(("a", "b"), ("3.12", "3.13"), ("w",))
    assert [(cell.stack, cell.python) for cell in cells] == [
        ("a", "3.12"),
        ("a", "3.13"),
        ("b", "3.12"),
        ("b", "3.13"),
    ]


def test_the_reference_cell_of_each_workload_has_a_twin_and_a_planted_control() -> None:
    pythons, workloads = ("3.9", "3.10"), tuple(WORKLOADS)
    stacks = (next(name for name in STACKS if name != REFERENCE_STACK), REFERENCE_STACK)
    assert controls_of(make_cells(stacks, pythons, workloads)) == tuple(
        Cell(stack=REFERENCE_STACK, python="3.10", workload=workload, control=control)
        for workload in workloads
        for control in CONTROLS
    )


def test_where_the_reference_stack_is_not_chosen_the_newest_plain_python_of_the_first_is_the_reference() -> None:
    stacks = [name for name in STACKS if name != REFERENCE_STACK][:2]
    cells = make_cells(stacks, ("3.9", "3.13", "3.13t"), tuple(WORKLOADS)[:1])
    cell = reference_of(cells)
    assert cell is not None
    assert (cell.stack, cell.python) == (stacks[0], "3.13")
    assert reference_of([*cells, *controls_of(cells)]) == cell
    assert reference_of([]) is None


def test_of_each_variant_of_a_stack_the_newest_python_is_kept_and_not_of_the_plain_build_alone() -> None:
    overridden = ("3.12 with django==5.2.*", "3.13 with django==5.2.*", "3.13 with django==4.2.*")
    pythons = ("3.12", "3.13", "3.13t", "3.14t", "3.13@debug", "3.13@lto", "pypy3.11", *overridden)
    cells = make_cells(("a", "b"), pythons, ("w",))
    newest = {"3.13", "3.14t", "3.13@debug", "3.13@lto", "pypy3.11", *overridden[1:]}
    assert of_newest_python(cells) == tuple(cell for cell in cells if cell.python in newest)


def test_stacks_are_chosen_by_name_and_by_tag_in_the_order_of_the_table() -> None:
    stacks = {name: stack for name, stack in STACKS.items() if stack.interface == "ASGI"}
    other = next(name for name in STACKS if name not in stacks)
    assert choose_stacks("asgi") == tuple(stacks)
    assert choose_stacks(f"asgi,{other}") == tuple(name for name in STACKS if name in {*stacks, other})
    assert choose_stacks(None) == choose_stacks("seed")
    assert choose_stacks("all") == tuple(STACKS)
    with pytest.raises(UsageError, match=r"^Unknown stack or tag 'asgj': did you mean asgi\?$"):
        choose_stacks("asgj")


def made_up_subject(prefix: Path, *command: str, control: Control | None = None) -> Subject:
    """A stack, a workload and an application that are in no table."""
    stack = Stack("here", "", "server", (), "WSGI", "threads", 1, command, watch=("--stats", "{port}"))
    app = App("shop", wsgi="shop.wsgi:application", asgi="shop.asgi:application", requirements=())
    cell = Cell(stack="here", python="3.13", workload="w", control=control)
    return Subject(cell, stack, Workload("w", "", one_page("/"), (10,)), app, Installation(prefix, "0"))


@pytest.mark.parametrize(
    ("part", "filled_in"),
    [
        ("{bin}/server", "/opt/env/bin/server"),
        ("--home={prefix}", "--home=/opt/env"),
        ("127.0.0.1:{port}", "127.0.0.1:8001"),
        ("{wsgi}", "under_test.wsgi"),
        ("{wsgi_callable}", "under_test.wsgi:application"),
        ("{asgi}", "under_test.asgi:application"),
        ("unix:{folder}/{port}.sock", "unix:/tmp/private/8001.sock"),
        ("--threads", "--threads"),
    ],
)
def test_each_place_of_a_command_line_is_filled_in(part: str, filled_in: str) -> None:
    folder = Path("/tmp/private")  # noqa: S108 - nothing is written there
    assert made_up_subject(Path("/opt/env"), part).command(8001, folder=folder) == (filled_in,)


def test_every_place_that_a_command_may_have_is_filled_in() -> None:
    parts = [f"{{{place}}}" for place in PLACES]
    assert "{" not in " ".join(made_up_subject(Path("/opt/env"), *parts).command(8001))


@pytest.mark.parametrize(
    ("view", "asgi_sync", "served"),
    [
        (None, "shop.both:sync", "shop.asgi:application"),
        ("sync", "shop.both:sync", "shop.both:sync"),
        ("sync", "", "shop.asgi:application"),
    ],
)
def test_a_stack_that_serves_sync_views_gets_the_asgi_application_that_has_them(
    view: Literal["sync"] | None, asgi_sync: str, served: str
) -> None:
    subject = made_up_subject(Path("/opt/env"), "{asgi}")
    stack, app = replace(subject.stack, interface="ASGI", view=view), replace(subject.app, asgi_sync=asgi_sync)
    assert replace(subject, stack=stack, app=app).application == served


def test_a_command_line_gets_the_arguments_that_a_use_adds_only_where_they_are_asked_for() -> None:
    subject = made_up_subject(Path("/opt/env"), "{bin}/server", "--port", "{port}")
    measured = ("/opt/env/bin/server", "--port", "8001")
    assert subject.command(8001) == measured
    assert subject.command(8001, *subject.stack.watch) == (*measured, "--stats", "8001")


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("added", ["watch", "patience"])
def test_every_stacks_command_line_has_all_its_places_filled_in(
    name: str, added: str, make_subject: Callable[[Cell], Subject]
) -> None:
    subject = make_subject(Cell(stack=name, python="3.13", workload=next(iter(WORKLOADS))))
    command = subject.command(8_765, *getattr(subject.stack, added))
    assert not [part for part in command if "{" in part]
    program = next(part for part in command if part != "env" and not re.match("[A-Z_]+=", part))
    assert program.startswith("/nowhere/bin/")
    assert "8765" in " ".join(command)
    served = {WRAPPED_WSGI, f"{WRAPPED_WSGI}:application"} if subject.stack.interface == "WSGI" else {WRAPPED_ASGI}
    assert served & {*command}
    app, view = subject.app, subject.stack.view or ("sync" if subject.stack.interface == "WSGI" else "async")
    callables = {("WSGI", "sync"): app.wsgi, ("ASGI", "async"): app.asgi, ("ASGI", "sync"): app.asgi_sync}
    assert subject.application == callables[subject.stack.interface, view]
    assert str(subject.stack.port) not in " ".join(command), "a measured target may stand anywhere"


def test_subjects_of_one_workload_have_names_of_their_own_that_circus_can_take(
    make_subject: Callable[[Cell], Subject],
) -> None:
    cells = make_cells(tuple(STACKS), PYTHONS, tuple(WORKLOADS)[:1])
    names = [make_subject(cell).name for cell in (*cells, *controls_of(cells))]
    assert len(set(names)) == len(cells) + 2
    assert all(name.isidentifier() for name in names)
    assert made_up_subject(Path("/opt"), control="planted").name == made_up_subject(Path("/opt")).name + "_planted"
