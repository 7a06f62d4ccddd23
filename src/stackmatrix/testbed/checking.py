"""Bring an app up on one stack and ask each page once: is the answer right, and if not, what to put into the file."""

import http.client
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from stackmatrix.application.application import Application
from stackmatrix.application.environments import AppEnvironment
from stackmatrix.application.explain import Asked, why_unlike, why_wrong
from stackmatrix.application.failures import Failure, sentence
from stackmatrix.application.setup import Answered
from stackmatrix.errors import AppError, TrialError
from stackmatrix.matrix.app_workloads import ALL_PAGES, workloads_of
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.matrix.stacks import Stack
from stackmatrix.system import http as requests
from stackmatrix.system import interpreters, logs
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Testbed

FIRST_NUMBER = 800_000_000
"""What ``{n}`` is in the requests of a check: apart from those of the set-up and of a run."""
AGAIN = 1000
"""By how much the numbers differ of those that are asked for again."""
ANSWER_S = 60.0
"""For one answer: a first one may compile templates and make thumbnails."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One page's answer: what it matched, or in ``why`` a sentence on what to do. ``took_ms`` is from connecting on."""

    page: Page
    status: int | None
    took_ms: float
    size_bytes: int
    matched: str
    why: str | None


def check(application: Application, stack: Stack, environment: AppEnvironment) -> list[Checked]:
    """Bring an app up on a stack, as what is measured is, and ask each page once.

    Raises:
        AppError: when the server does not come up.

    """
    checked = _asked(application, stack, environment, application.pages, FIRST_NUMBER)
    failed = [one.page for one in checked if one.status is not None and one.status >= 500]
    if not failed:
        return checked
    # Without a log of its own a project leaves nothing of a 500 in the server's: started again, so that it does.
    diagnosing = replace(application, is_diagnosing=True)
    again = {one.page.name: one for one in _asked(diagnosing, stack, environment, failed, FIRST_NUMBER + AGAIN)}
    return [replace(one, why=again[one.page.name].why) if one.page.name in again else one for one in checked]


def _asked(
    application: Application, stack: Stack, environment: AppEnvironment, pages: Sequence[Page], first: int
) -> list[Checked]:
    with _serving(application, stack, environment) as bed:
        checked = [_ask(application, bed, page, first + at) for at, page in enumerate(pages)]
    return [replace(one, why=logs.hide(one.why or "", application.secrets.values()) or None) for one in checked]


@contextmanager
def _serving(application: Application, stack: Stack, environment: AppEnvironment) -> Iterator[Testbed]:
    cell = Cell(stack=stack.name, python=interpreters.call(environment.python), workload=ALL_PAGES)
    workload = workloads_of(application.pages)[0]
    installation = Installation(environment.prefix, environment.sha256)
    subject = Subject(cell, stack, workload, application.served, installation)
    try:
        with testbed.start([subject], divide_cores(), None) as bed:
            bed.verify(pages=False)
            yield bed
    except TrialError as error:
        raise AppError(_why_not_up(application, stack, error)) from None


def _why_not_up(application: Application, stack: Stack, error: TrialError) -> str:
    failure, what = Failure.of_log(error.log), f"{stack.summary} did not come up"
    if unknown := re.search(r"(?:unrecognized arguments|[Nn]o such option):? (\S+)", error.log):
        return (
            f"{what}: the {stack.server} that the app pins does not know {unknown[1]}; take a newer one by "
            f"--with '{stack.server}', or leave the pin away."
        )
    return f"{what}: {error}" if failure is None else sentence(failure, application.app, application.project, what)


def _ask(application: Application, bed: Testbed, page: Page, number: int) -> Checked:
    (place,) = bed.places
    stack, name = place.subject.stack, place.subject.name
    begun = len(bed.circus.log_of(name))
    path, body = page.request(number)
    try:
        answer = requests.ask(place.port, page.method, path, dict(page.headers), body, ANSWER_S)
    except (OSError, http.client.HTTPException) as error:
        why: str | None = f"{page.path} was not answered: {type(error).__name__}: {error}."
        log = bed.circus.log_of(name)[begun:]
        if raised := Failure.of_log(log):
            why = _why(application.asked(page, stack.interface, Answered(500, {}, "", raised), log), stack)
        return Checked(page, None, 0, 0, "", why)
    log = bed.circus.log_of(name)[begun:]
    answered = Answered(answer.status, answer.headers, answer.body, Failure.of_log(log))
    why = _why(application.asked(page, stack.interface, answered, log), stack)
    return Checked(page, answer.status, answer.took_ms, len(answer.body.encode()), _matched(page.expect), why)


def _why(asked: Asked, stack: Stack) -> str | None:
    why = why_wrong(asked)
    like = asked.page.expect.like
    if why is None or like is None or asked.answer.status != asked.page.expect.status:
        return why
    unlike = like.why_unlike(asked.answer.headers.get("content-type", ""), asked.answer.body)
    if unlike is None:
        return why
    return why_unlike(asked.page, unlike, stack.name, "Django's test client")


def _matched(expect: Expectation) -> str:
    """What an answer was compared with, in a few words."""
    parts = [f"status {expect.status}"]
    parts += [f"has {text!r}" for text in expect.contains]
    parts += [f"{place} is {wanted!r}" for place, wanted in expect.json]
    parts += [f"leads to {expect.location}"] if expect.location else []
    if expect.like is not None:
        title = f", title {expect.like.title!r}" if expect.like.title else ""
        parts.append(f"like the first answer: {expect.like.content_type or 'no type'}{title}")
    return "; ".join(parts)
