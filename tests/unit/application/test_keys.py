"""Whatever stands at a key of an app's file, it is taken, or refused in one sentence."""

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from stackmatrix.application import environments, settings
from stackmatrix.application.discovery import discover
from stackmatrix.errors import AppError, AppFileError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.app import App
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.app_keys import APP
from stackmatrix.matrix.app_workloads import workloads_of
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.profiles import RampLengths
from stackmatrix.matrix.ramp import plan_ramp
from stackmatrix.matrix.shapes import ListOf, Number, OneOf, Shape, Table

STACK = {"command": "{bin}/x {port}", "requirements": ["x"], "interface": "WSGI", "waits_with": "threads"}
WHOLE: dict[str, Any] = {
    "settings": "mysite.settings",
    "paths": ["/"],
    "request": [{"path": "/{slug}/", "values": {"slug": ["a"]}, "expect": {}}],
    "process": [{"name": "search", "command": "x", "env": {}}],
    "upstream": {"rates": {"delay_ms": {"median": 1, "p99": 2}}},
    "login": {"admin": {"path": "/login/", "form": {}}},
    "services": [{"postgres": ["default"]}],
    "stack": {"own": STACK},
    "ready": {},
    "env": {"wsgi": {}, "asgi": {}},
    "override": {"wsgi": {}, "asgi": {}},
    "files": {"a": {"copy": "stackmatrix.toml"}},
    "waive": [{"at_most": "8%", "until": dt.date(2026, 12, 31), "reason": "known"}],
    "budget": {},
}
"""A file that has every table."""

LONG = "x" * 20_000
ODD: tuple[Any, ...] = (
    True, -1, 0, 421,
    10**400, float("nan"), float("inf"), float("-inf"), 1e308, "", " ", LONG, f"/{LONG}", "a\0b", "a\nb",
    "/caf\u00e9/ x?q=\u20ac", "{x}", "{port} {", "{port} {0}", "{port} '", "/#", "{}", "/{slug}", "$ ", ";",
    dt.date(2026, 1, 1), [], [[]], [""], ["{port}", "{port:d}"], [float("nan")], [{}], ["\0"], {}, {"": ""},
    {"a\0b": 1}, {"a=b": 1}, {"x": float("nan")}, {"x": []}, {"x": {"y": dt.time(1)}}, {"postgres": []},
)  # fmt: skip
"""Of wrong types, empty, huge, negative, and what programs stumble over."""


def places(shape: Shape | None, value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Shape]]:
    """Every key of a table and of the tables in it, where they are in a whole file."""
    if isinstance(shape, OneOf):
        for one in shape.shapes:
            if isinstance(one, Table | ListOf):
                yield from places(one, value, place)
    elif isinstance(shape, ListOf):
        yield from places(shape.item, value[0] if isinstance(value, list) and value else None, (*place, 0))
    elif isinstance(shape, Table) and isinstance(value, dict):
        for name, key in shape.keys.items():
            yield (*place, name), key.shape
            yield from places(key.shape, value.get(name), (*place, name))
        if shape.others is not None:
            name = next((one for one in value if one not in shape.keys), "free")
            yield (*place, name), shape.others
            yield from places(shape.others, value.get(name), (*place, name))


PLACES = dict(places(APP, WHOLE))


def changed(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    content: Any = deepcopy(WHOLE)
    table = content
    for step in place[:-1]:
        table = table[step]
    table[place[-1]] = value
    return dict(content)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stackmatrix.toml"
    path.touch()
    (tmp_path / "manage.py").write_text("import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')")
    (tmp_path / "mysite").mkdir()
    (tmp_path / "mysite" / "settings.py").touch()
    return path


def use(app: AppFile, folder: Path) -> None:
    """Do with a file what is done before and while its application is measured."""
    pages = [request.page for request in app.requests]
    for page in pages:
        path, body = page.request(1)
        assert re.fullmatch(r"[!-~]+", path)
        assert body is None or isinstance(body, bytes)
        assert all("\n" not in header and header.encode("latin-1") for header in map(":".join, page.headers))
    for workload in workloads_of(pages):
        (folder / f"{workload.name}.json").touch()
        for slots in (None, 1, 100):
            plan_ramp(app.rate or 20, (app.unloaded_ms or 20) / 1000, slots, RampLengths(1, 1, 1))
    for stack in app.stacks:
        cell = Cell(stack=stack.name, python="3.13", workload="pages")
        served = Subject(cell, stack, workloads_of(pages)[0], App("a", "", "", ()), Installation(folder, ""))
        assert all(isinstance(part, str) for part in served.command(8000))
    for upstream in app.upstreams:
        json.loads(json.dumps(asdict(upstream), allow_nan=False))
    found = discover(app)
    environments.pythons_of(app)
    settings.write(folder / "written", found, "WSGI", app.override.of("WSGI"))
    written = (folder / "written" / f"{settings.module_name('WSGI')}.py").read_text(encoding="utf-8")
    exec(written.replace("from mysite.settings import *", ""), {})  # noqa: S102 - as Python itself reads it


def told(file: Path, content: Mapping[str, Any]) -> str | None:
    """What is said of a file with this content; ``None`` where it is taken."""
    try:
        use(app_file.of(file, content), file.parent)
    except (AppFileError, AppError) as error:
        return str(error)
    return None


def test_a_file_that_has_every_table_is_taken(file: Path) -> None:
    assert told(file, WHOLE) is None
    assert len(PLACES) > 80


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_what_is_odd_at_a_key_is_taken_or_refused_in_a_sentence(file: Path, place: tuple[Any, ...]) -> None:
    for value in ODD:
        why = told(file, changed(place, value))
        assert why is None or ("\n" not in why and len(why) < 700 and why.endswith((".", "?", "}"))), why


@pytest.mark.parametrize("place", [place for place, shape in PLACES.items() if isinstance(shape, Number)])
def test_no_number_is_endless_negative_or_none(file: Path, place: tuple[Any, ...]) -> None:
    for value in (-1, 10**400, float("nan"), float("inf")):
        why = told(file, changed(place, value))
        assert re.search(r"is not a (whole )?number from", why or "")
