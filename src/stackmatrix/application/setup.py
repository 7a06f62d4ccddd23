"""The set-up of a project in its copy: its steps, its users and their sessions, and the pages as they will be sent.

Steps get no standard input, so that one that asks a question fails at once instead of waiting for an answer.
"""

import secrets
import shlex
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stackmatrix.application.discovery import SETTINGS, SETTINGS_FORCED, Found
from stackmatrix.application.failures import Failure, sentence, step_sentence
from stackmatrix.application.place import INSIDE, Arrangement, Runner
from stackmatrix.application.probe import Settings
from stackmatrix.application.services import HOST
from stackmatrix.application.settings import HTTPS_HEADER
from stackmatrix.errors import AppError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.app_parts import Login
from stackmatrix.matrix.app_requests import Request
from stackmatrix.matrix.pages import Page

SHELL = "$ "
"""What a step for the shell begins with."""
QUIET = ("migrate", "collectstatic", "flush")
"""Django's commands that may ask, and take --noinput. A project's own command of another name may refuse it."""
SHOW_SETTINGS = "from django.conf import settings; print(f'settings={settings.SETTINGS_MODULE}')"
TOKEN_LETTERS = 32
"""The length of a CSRF token that is sent as it is."""


def steps_of(app: AppFile, settings: Settings) -> tuple[str, ...]:
    """The steps that the file says, or those that most projects need."""
    if app.setup is not None:
        return app.setup
    has_database = any(one.engine for one in settings.databases)
    return (*(["migrate"] if has_database else []), *(["collectstatic"] if settings.has_manifest else []))


def run_steps(
    steps: Sequence[str], runner: Runner, at: Arrangement, app: AppFile, found: Found, say: Callable[[str], None]
) -> None:
    """Run each step to its end.

    Raises:
        AppError: with the sentence for the first one that fails.

    """
    for number, step in enumerate(steps):
        say(f"setup: {step}")
        code, log = runner.run(_command(step, runner, at, app, found), at, f"setup-{number}")
        if code:
            raise AppError(step_sentence(step, log, app, at.cwd))


def _command(step: str, runner: Runner, at: Arrangement, app: AppFile, found: Found) -> list[str]:
    if step.startswith(SHELL):
        # The one place where a shell runs: the user wrote this line for it.
        return ["sh", "-c", step.removeprefix(SHELL)]
    name, *arguments = shlex.split(step)
    if name.endswith(".py"):
        file = next((one for one in (at.cwd / name, app.file.parent / name) if one.is_file()), None)
        if file is None:
            raise AppError(f"setup: there is no file {name}, neither in the project nor beside {app.file.name}.")
        return [str(runner.python), "-P", str(INSIDE / "run_file.py"), str(file), *arguments]
    if name in QUIET and not {"--noinput", "--no-input"} & set(arguments):
        arguments.append("--noinput")
    places = {"python": str(runner.python), "bin": str(runner.python.parent)}
    manage = [part.format(**places) for part in found.manage]
    if found.sets_settings:
        code, log = runner.run([*manage, "shell", "-c", SHOW_SETTINGS], at, "manage")
        if code or f"settings={at.environment[SETTINGS]}" not in log.splitlines():
            raise AppError(SETTINGS_FORCED.format(file=found.manage[-1]))
    return [*manage, name, *arguments]


@dataclass(frozen=True, slots=True)
class Session:
    """What a user's requests are sent with."""

    cookies: Mapping[str, str]
    is_made: bool


@dataclass(frozen=True, slots=True)
class Door:
    """How the project is asked: the host and the scheme that requests claim, and the CSRF token of all of them."""

    host: str
    https: bool
    token: str

    @property
    def origin(self) -> str:
        return f"{'https' if self.https else 'http'}://{self.host}"


def door_of(app: AppFile, settings: Settings) -> Door:
    """The host and scheme that the file says, or that the settings let in."""
    host = app.host
    if host is None:
        named = [one.removeprefix(".") for one in settings.allowed_hosts if one and one != "*"]
        host = HOST if not named or "*" in settings.allowed_hosts else named[0]
    https = settings.https if app.https is None else app.https
    letters = string.ascii_letters + string.digits
    return Door(host, https, "".join(secrets.choice(letters) for _ in range(TOKEN_LETTERS)))


def log_in(
    runner: Runner, at: Arrangement, app: AppFile, door: Door, secrets_: Mapping[str, str]
) -> dict[str, Session]:
    """The sessions of all users that requests name; ``{NAME}`` of a secret may stand in the fields of a form.

    Raises:
        AppError: when one cannot be logged in.

    """
    users = list(dict.fromkeys(request.user for request in app.requests if request.user is not None))
    if not users:
        return {}
    try:
        logins = {name: _with_secrets(login, secrets_) for name, login in (app.logins or {}).items()}
        return sessions_of(users, logins, runner, at, door)
    except AppError as error:
        failure = Failure.of_log(str(error))
        if failure is None:
            raise
        raise AppError(sentence(failure, app, at.cwd, f"{' and '.join(users)} cannot be logged in")) from None


def _with_secrets(login: Login, secrets_: Mapping[str, str]) -> Login:
    """A log-in whose form has the values of secrets, which then need not stand in the file."""
    form = dict(login.form)
    for name, value in secrets_.items():
        form = {field: text.replace(f"{{{name}}}", value) for field, text in form.items()}
    return replace(login, form=form)


def sessions_of(
    users: Sequence[str], said: Mapping[str, Login], runner: Runner, at: Arrangement, door: Door
) -> dict[str, Session]:
    """The sessions of users, who are made where they are not there.

    Raises:
        AppError: with the project's own words, when one cannot be logged in.

    """
    logins = {name: {"path": one.path, "form": dict(one.form)} for name, one in said.items()}
    job = {"users": users, "logins": logins, "host": door.host, "https": door.https, "token": door.token}
    sessions = runner.inside("users", job, at, dict)
    for name, one in sessions.items():
        if one["failure"] is not None:
            raise AppError(f"[login.{name}]: {one['failure']}.")
    return {name: Session(one["cookies"], one["is_made"]) for name, one in sessions.items()}


def page_of(request: Request, door: Door, settings: Settings, sessions: Mapping[str, Session]) -> Page:
    """A request with all that it is sent with; what the file says of a header wins."""
    cookies = dict(sessions[request.user].cookies) if request.user is not None else {}
    headers = {"Host": door.host, **({"X-Forwarded-Proto": "https"} if door.https else {})}
    if door.https and settings.made_ssl_header:
        headers[HTTPS_HEADER] = "https"
    if request.csrf:
        headers |= {"Referer": f"{door.origin}/", _header(settings.csrf_header): door.token}
        if not settings.csrf_in_session:
            cookies[settings.csrf_cookie] = door.token
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    said = {name.lower() for name, _ in request.page.headers}
    ours = [(name, value) for name, value in headers.items() if name.lower() not in said]
    return replace(request.page, headers=(*ours, *request.page.headers))


def _header(name: str) -> str:
    """A header as it is sent, from its name in META."""
    return "-".join(word.capitalize() for word in name.removeprefix("HTTP_").split("_")).replace("Csrft", "CSRFT")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a page was answered. ``error`` is what the project raised, where that is known."""

    status: int
    headers: Mapping[str, str]
    body: str
    error: Failure | None = None


def ask_each(runner: Runner, at: Arrangement, requests: Sequence[tuple[Page, int]], door: Door) -> list[Answered]:
    """Ask pages one after the other, with no server in between; a number stands for {n} and chooses a page's values."""
    asked: list[dict[str, Any]] = []
    for page, number in requests:
        path, body = page.request(number)
        one = {"path": path, "body": None if body is None else body.decode(), "method": page.method}
        asked.append({**one, "headers": page.headers, "https": door.https})
    answers = runner.inside("ask", {"pages": asked}, at, list)
    return [
        Answered(one["status"], one["headers"], one["body"], None if one["error"] is None else Failure.of(one["error"]))
        for one in answers
    ]
