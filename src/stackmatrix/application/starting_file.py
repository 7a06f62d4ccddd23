"""A first ``stackmatrix.toml``, written from what is found: which addresses answer, and what they answer."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from stackmatrix.application import environments, setup, sources
from stackmatrix.application.application import Application, prepare
from stackmatrix.application.discovery import UnclearSettingsError, discover
from stackmatrix.application.setup import Answered, Session
from stackmatrix.errors import AppError, AppFileError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.app_file import FILE_NAME
from stackmatrix.matrix.app_requests import Request
from stackmatrix.matrix.pages import Likeness, Page
from stackmatrix.outside.documents import read_json, write_json
from stackmatrix.system import private_folders

MOST_PAGES = 12
"""So many are written to be asked for; the others as comments."""
LONGEST_JSON = 40
"""Characters of a value in JSON that is taken for what an answer must have: ids and names, and no texts."""
USER = "admin"
REMEDIES = {"DEBUG": False, "ALLOWED_HOSTS": ["*"], "SECRET_KEY": "only-for-the-benchmark"}
"""Settings that are overridden where the sentence on what is wrong names them."""
LEFT_OUT = re.compile(r"log-?out|jsi18n|/static/|/media/|__debug__|\.(?:js|css|ico|txt|xml)$")
"""Addresses that are no pages, or end a session."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that answers with a page, who asked for it, and what it was."""

    path: str
    user: str | None
    answer: Answered


def write(place: Path, say: Callable[[str], None], *, python: str | None = None) -> Path:
    """Write a first file into a project's folder; returns where it is.

    Raises:
        AppFileError: when there is one already.
        AppError: when the project cannot be set up.

    """
    folder = place.parent if place.name == FILE_NAME or place.is_file() else place
    if not folder.is_dir():
        raise AppFileError(f"{folder} is not there; --app names a project's folder, or the {FILE_NAME} to be in it.")
    file = (folder / FILE_NAME).resolve()
    if file.exists():
        raise AppFileError(f"{FILE_NAME} is there already: check it without --init, or remove it.")
    content: dict[str, Any] = {"paths": ["/"]}
    try:
        sources.default_install(file.parent)
    except AppError:
        content["install"] = ["django"]
    reason = ""
    try:
        discover(app_file.of(file, content))
    except UnclearSettingsError as error:
        content["settings"], reason = error.deployed, str(error)
    with _prepared(file, content, python, say) as application:
        found = _candidates(application)
        file.write_text(_text(application, content, reason, found), encoding="utf-8")
    return file


@contextmanager
def _prepared(
    file: Path, content: dict[str, Any], python: str | None, say: Callable[[str], None]
) -> Iterator[Application]:
    """The project, set up with as little as it takes, which is added to the content."""
    app = app_file.of(file, content)
    stack = environments.default_stack(app)
    environment = environments.install(app, stack, python or environments.newest_python(app), say=say)
    with private_folders.folder("init") as folder:
        for number in count():
            override = content.get("override", {})
            try:
                app = app_file.of(file, content)
                with prepare(app, environment.python, folder / str(number), say=say) as application:
                    yield application
                    return
            except AppError as error:
                lacking = _lacking(str(error), override)
                if not lacking:
                    raise
            content["override"] = {**override, **lacking}


def _lacking(said: str, override: Mapping[str, Any]) -> dict[str, Any]:
    """What would mend a project that cannot be set up, and is not overridden yet."""
    return {key: value for key, value in REMEDIES.items() if f"override.{key}" in said and key not in override}


def _candidates(application: Application) -> list[Candidate]:
    """The addresses without parameters that answer with a page: to anybody, or else to a superuser."""
    runner, at, door = application.runner, application.base, application.door
    # The front page may be of a pattern that takes every address.
    every = dict.fromkeys(["/", *runner.inside("patterns", {}, at, list)])
    paths = [path for path in every if not LEFT_OUT.search(path)]
    settings = next(iter(application.settings.values()))
    try:
        sessions = setup.sessions_of([USER], {}, runner, at, door)
    except AppError:
        sessions = {}  # a project without users
    found: dict[str, Candidate] = {}
    for user in (None, *sessions):
        asked = [path for path in paths if path not in found]
        pages = [_page(path, user, application, sessions, settings) for path in asked]
        answers = setup.ask_each(runner, at, [(page, 0) for page in pages], door)
        found |= {
            path: Candidate(path, user, answer)
            for path, answer in zip(asked, answers, strict=True)
            if answer.status == 200 and _kind(answer) in {"text/html", "application/json"}
        }
    return list(found.values())


def _page(
    path: str, user: str | None, application: Application, sessions: Mapping[str, Session], settings: Any
) -> Page:
    return setup.page_of(Request(Page(path, path), user), application.door, settings, sessions)


def _kind(answer: Answered) -> str:
    return Likeness.of(answer.headers.get("content-type", ""), "").content_type


def _text(application: Application, content: Mapping[str, Any], reason: str, found: Sequence[Candidate]) -> str:
    """The file, with comments that say what was found and what is often added."""
    lines = ["# Written from what was found; keep what your visitors ask for, and say how often by weight.", ""]
    lines += [f"# {note}" for note in application.found.notes]
    lines += [f"# {reason}"] if reason else []
    lines += [f"{key} = {_toml(content[key])}" for key in ("settings", "install", "override") if key in content]
    lines += [
        "",
        "# What else there is to say: env, secrets, services, setup, login, upstream; see docs/your-own-app.md.",
        "",
    ]
    if not found:
        lines += ["# No address without parameters answers 200: name some that do.", 'paths = ["/"]', ""]
    for number, one in enumerate(found):
        written = ["[[request]]", f"path = {_toml(one.path)}"]
        written += [f"user = {_toml(one.user)}"] if one.user is not None else []
        expected = _expected(one.answer)
        written += [f"expect = {_toml(expected)}"] if expected else []
        lines += [line if number < MOST_PAGES else f"# {line}" for line in written] + [""]
    return "\n".join(lines)


def _expected(answer: Answered) -> dict[str, Any]:
    """What tells this answer from a wrong one of the same status: its title, or a value of its JSON."""
    if _kind(answer) == "text/html":
        title = Likeness.of("", answer.body).title
        return {"contains": title} if title else {}
    try:
        content, place = read_json(answer.body), ""
    except ValueError:
        return {}
    while isinstance(content, dict | list) and content:
        key = next(iter(content)) if isinstance(content, dict) else 0
        content, place = content[key], f"{place}.{key}" if place else str(key)
        if "." in str(key):
            return {}
    is_short = isinstance(content, str | int | bool) and len(str(content)) <= LONGEST_JSON
    return {"json": {place: content}} if place and is_short else {}


def _toml(value: Any) -> str:
    """A value as TOML has it, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return write_json(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name) else write_json(name)
