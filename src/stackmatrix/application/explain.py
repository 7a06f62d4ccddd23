"""Why an answer to a page is not right, and what to put into the app's file: one sentence for each known mistake.

Each cause looks at one answer; the first that knows it says its sentence.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.analysis import exceptions
from stackmatrix.application.probe import Settings
from stackmatrix.application.setup import Answered, Door
from stackmatrix.matrix.app_requests import Request
from stackmatrix.matrix.pages import Page, encoded
from stackmatrix.system.logs import cut

REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Asked:
    """One page with its answer. ``log`` is what the server wrote meanwhile, where a server was asked."""

    request: Request
    page: Page
    answer: Answered
    settings: Settings
    door: Door
    project: Path
    log: str = ""

    @property
    def raised(self) -> str:
        """The words of what went wrong, from the exception or the server's log."""
        error = self.answer.error
        return f"{error.type}: {error.message}" if error is not None else self.log

    @property
    def location(self) -> str:
        return self.answer.headers.get("location", "")


def why_wrong(asked: Asked) -> str | None:
    """Why an answer is not right, with the remedy; ``None`` where it is."""
    answer = asked.answer
    wrong = asked.page.expect.why_wrong(answer.status, answer.headers, answer.body)
    if wrong is None:
        return None
    if answer.status == asked.page.expect.status:
        return f"{asked.page.path} {wrong}."
    seen = f"{asked.page.path} answered {answer.status}"
    for cause in CAUSES:
        if (said := cause(asked)) is not None:
            return f"{seen}{said}"
    raised = asked.raised.strip()
    return f"{seen}: {cut(raised, 300)}" if raised and answer.error is not None else f"{asked.page.path} {wrong}."


def _host(asked: Asked) -> str | None:
    if asked.answer.status != 400:
        return None
    host, hosts = asked.door.host, asked.settings.allowed_hosts
    if "DisallowedHost" in asked.raised or not _lets_in(host, hosts):
        return (
            f': the host {host} is not in ALLOWED_HOSTS. Say host = "www.example.com" with one that is, or '
            'override.ALLOWED_HOSTS = ["*"].'
        )
    if asked.answer.error is None and "host" in asked.answer.body.lower():
        return (
            f" although ALLOWED_HOSTS lets {'every host' if '*' in hosts else host} in: the project has a check of its "
            "own; say host."
        )
    return None


def _lets_in(host: str, allowed: tuple[str, ...]) -> bool:
    name = host.partition(":")[0]
    return any(
        one in ("*", name) or (one.startswith(".") and (name.endswith(one) or name == one[1:])) for one in allowed
    )


HTTPS_LOST = (
    ", to {where}: the server does not hand on the header by which requests claim https. Another one is sent in its "
    "place where the project names none: override.SECURE_PROXY_SSL_HEADER = []."
)


def _https(asked: Asked) -> str | None:
    if asked.answer.status not in REDIRECTS or not asked.location.startswith("https://"):
        return None
    if asked.door.https:
        same = encoded(asked.page.path) == re.sub(r"^[a-z]+://[^/]*", "", asked.location)
        return HTTPS_LOST.format(where=asked.location) if same else None
    return f", to {_origin_of(asked.location)}: the project wants https. Say https = true."


def _origin_of(location: str) -> str:
    return "https://…" if location.startswith("https://") else location


def _session(asked: Asked) -> str | None:
    wants = asked.answer.status in {401, 403} or (asked.answer.status in REDIRECTS and "login" in asked.location)
    if asked.request.user is None or not wants or "CSRF" in asked.answer.body:
        return None
    if asked.answer.status == 403:
        return f": {asked.request.user} may not see this page; is there another user who may?"
    name = asked.request.user
    return (
        f": the session made for {name} is not accepted (sessions in local memory, or a SECRET_KEY drawn at each "
        f"start?); give the project one SECRET_KEY, or log in by form: [login.{name}]."
    )


def _csrf(asked: Asked) -> str | None:
    if asked.answer.status == 403 and "csrf" in asked.answer.body.lower() and asked.page.method != "GET":
        if asked.request.csrf:
            origin = asked.door.origin
            return f": the CSRF check failed although a token was sent; does CSRF_TRUSTED_ORIGINS lack {origin}?"
        return ": the CSRF check failed; leave csrf = false away."
    return None


def _login(asked: Asked) -> str | None:
    status, where = asked.answer.status, asked.location
    if asked.request.user is not None:
        return None
    if status in REDIRECTS and re.search(r"log-?in|signin|sign-in|[?&]next=", where):
        return f', to {where}: this page wants a login. Say user = "NAME".'
    return ': this page wants a login. Say user = "NAME".' if status in {401, 403} else None


def _slash(asked: Asked) -> str | None:
    path = asked.page.path.partition("?")[0]
    if asked.answer.status in REDIRECTS and re.sub(r"^[a-z]+://[^/]*", "", asked.location).startswith(
        f"{encoded(path)}/"
    ):
        return f", to {asked.location}: write the path with its slash."
    return None


def _redirect(asked: Asked) -> str | None:
    if asked.answer.status in REDIRECTS:
        where = re.sub(r"^[a-z]+://[^/]*", "", asked.location)
        return (
            f", to {asked.location}: ask for that path, or say that this is right: "
            f'expect = {{ status = {asked.answer.status}, location = "{where}" }}.'
        )
    return None


def _not_there(asked: Asked) -> str | None:
    if asked.answer.status == 404:
        return ": there is no such page; is the set-up complete (data loaded?), and the path with its prefix?"
    return None


def _exception(asked: Asked) -> str | None:
    if asked.answer.status < 500:
        return None
    error = asked.answer.error
    cause = exceptions.explain(asked.raised, map(os.path.basename, error.files) if error is not None else ())
    return None if cause is None else f": {cause[1]}"


CAUSES: tuple[Callable[[Asked], str | None], ...] = (
    _host, _https, _csrf, _session, _login, _slash, _redirect, _not_there, _exception,
)  # fmt: skip
"""In the order in which they are asked: one that sees more comes before one that sees less."""


def why_not_twice(page: Page, answer: Answered) -> str | None:
    """The sentence for a request that was right when it was asked first, and is not the second time."""
    why = page.expect.why_wrong(answer.status, answer.headers, answer.body)
    if why is None:
        return None
    if answer.status != page.expect.status:
        return (
            f"{page.path}: The first {page.method} was right and the second was not ({answer.status}): give it "
            'another value each time: name = "tag {n}".'
        )
    return f"{page.path}: {exceptions.wrong_under_load(why)}"


def why_unlike(page: Page, why: str, one: str, other: str) -> str:
    """The sentence for right answers of two stacks that differ."""
    return (
        f"{page.path}: The answers of {one} and {other} differ: that of {one} {why}; if both are right, say "
        "expect = { like = false }."
    )
