"""Bring an app up on one stack and ask each page once: is the answer right, and if not, what to put into the file."""

import http.client
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stackmatrix.application.application import Application
from stackmatrix.application.asking import ask
from stackmatrix.application.discovery import Found
from stackmatrix.application.explain import Asked, why_unlike, why_wrong
from stackmatrix.application.failures import Failure, sentence
from stackmatrix.application.place import Arrangement, Runner, end
from stackmatrix.application.setup import Answered
from stackmatrix.errors import AppError, TrialError
from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.matrix.stacks import Stack
from stackmatrix.system import ports, processes
from stackmatrix.system.crash_loop import CrashLoop

PLACE = "check"
FIRST_PORT, PORTS = 12_000, 4_000
"""From where on the port of a check is looked for, which begins at another one for each process."""
FIRST_NUMBER = 800_000_000
"""What ``{n}`` is in the requests of a check: apart from those of the set-up and of a run."""
READY_NUMBER = FIRST_NUMBER - 1
"""What it is while a server is waited for, which takes a POST where an app has no other page."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One page's answer: what it matched, or in ``why`` a sentence on what to do. ``took_ms`` is from connecting on."""

    page: Page
    status: int | None
    took_ms: float
    size_bytes: int
    matched: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the app that listens on a port, and its log."""

    port: int
    log: Path
    child: "subprocess.Popen[bytes]"


def check(application: Application, stack: Stack, prefix: Path) -> list[Checked]:
    """Bring an app up on a stack and ask each page once.

    Raises:
        AppError: when the server does not come up.

    """
    with serving(application, stack, prefix) as server:
        checked = [_ask(application, stack, server, page, at) for at, page in enumerate(application.pages)]
    failed = [one.page for one in checked if one.status is not None and one.status >= 500]
    if not failed:
        return checked
    # Without a log of its own a project leaves nothing of a 500 in the server's: started again, so that it does.
    with serving(application, stack, prefix, is_diagnosing=True) as server:
        again = {page.name: _ask(application, stack, server, page, 1000 + at) for at, page in enumerate(failed)}
    return [replace(one, why=again[one.page.name].why) if one.page.name in again else one for one in checked]


@contextmanager
def serving(application: Application, stack: Stack, prefix: Path, *, is_diagnosing: bool = False) -> Iterator[Server]:
    """A server of the app in a place of its own, up until the end.

    Raises:
        AppError: when it does not come up.

    """
    # It takes seconds until the server listens: apart from the ports of another run on this machine.
    (port,) = ports.find_free(FIRST_PORT + os.getpid() % PORTS, 1)
    at = _with_launchers(application.arrange(stack.interface, PLACE, is_diagnosing=is_diagnosing))
    logs = application.state.folder / "logs"
    log = logs / f"{stack.name}{'-diagnosing' if is_diagnosing else ''}.log"
    runner = Runner(prefix / "bin" / "python", logs)
    with tempfile.TemporaryDirectory(prefix="stackmatrix-check-") as folder:
        child = runner.start(command_of(application.found, stack, prefix, port, Path(folder)), at, log)
        try:
            _wait_ready(application, stack, port, child, log, is_diagnosing=is_diagnosing)
            yield Server(port, log, child)
        finally:
            end(child)


def _with_launchers(at: Arrangement) -> Arrangement:
    """A place from which what starts some stacks is found, too, after all that is the app's own."""
    path = os.pathsep.join([at.environment["PYTHONPATH"], str(processes.SOURCE)])
    return replace(at, environment={**at.environment, "PYTHONPATH": path})


def command_of(found: Found, stack: Stack, prefix: Path, port: int, folder: Path) -> list[str]:
    """The command that serves an app as it is, with nothing around it; the server may write into the folder."""
    wsgi, asgi = found.wsgi or "", found.asgi or ""
    places = {"bin": prefix / "bin", "prefix": prefix, "port": port, "stats_port": stack.stats_port, "folder": folder}
    places |= {"backlog": ports.allowed_backlog(), "wsgi": wsgi, "wsgi_callable": wsgi, "asgi": asgi}
    return [part.format(**places) for part in stack.command]


def _wait_ready(
    application: Application,
    stack: Stack,
    port: int,
    child: "subprocess.Popen[bytes]",
    log: Path,
    *,
    is_diagnosing: bool,
) -> None:
    """Wait until the server answers, whatever its answer is."""
    app = application.app
    first = application.pages[0]
    reads = next((page for page in application.pages if page.method == "GET"), first)
    page = replace(reads, path=app.ready_path) if app.ready_path else reads

    def look() -> bool | None:
        # Somebody else's server may have taken the port meanwhile, and would answer, too.
        if not ports.is_of(port, [process.pid for process in processes.tree(child.pid)]):
            return None
        try:
            ask(port, page, READY_NUMBER)
        except http.client.RemoteDisconnected:
            # An exception that is let through may end the connection: gunicorn takes an OSError for its client's.
            return is_diagnosing or None
        except (OSError, http.client.HTTPException):
            return None
        return True

    loop = CrashLoop(child.pid, log, stack.workers)

    def why_gone() -> str | None:
        return processes.explain(log) if child.poll() is not None else loop.why()

    try:
        processes.wait_until(look, timeout_s=app.ready_within_s, alive=why_gone)
    except TrialError as error:
        said = log.read_text(encoding="utf-8", errors="replace")
        failure, what = Failure.of_log(said), f"{stack.summary} did not come up"
        if unknown := re.search(r"(?:unrecognized arguments|[Nn]o such option):? (\S+)", said):
            raise AppError(
                f"{what}: the {stack.server} that the app pins does not know {unknown[1]}; take a newer one by "
                f"--with '{stack.server}', or leave the pin away."
            ) from None
        project = application.state.base / "project"
        raise AppError(f"{what}: {error}" if failure is None else sentence(failure, app, project, what)) from None


def _ask(application: Application, stack: Stack, server: Server, page: Page, at: int) -> Checked:
    begun = server.log.stat().st_size if server.log.exists() else 0
    try:
        answer, took_ms = ask(server.port, page, FIRST_NUMBER + at)
    except (OSError, http.client.HTTPException) as error:
        why: str | None = f"{page.path} was not answered: {type(error).__name__}: {error}."
        if raised := Failure.of_log(log := _said(server, begun)):
            why = _why(application.asked(page, stack.interface, Answered(500, {}, "", raised), log), stack)
        return Checked(page, None, 0, 0, "", why)
    log = _said(server, begun)
    asked = application.asked(page, stack.interface, replace(answer, error=Failure.of_log(log)), log)
    return Checked(page, answer.status, took_ms, len(answer.body.encode()), _matched(page.expect), _why(asked, stack))


def _said(server: Server, begun: int) -> str:
    """What the server's log has from a byte on."""
    return server.log.read_bytes()[begun:].decode(errors="replace")


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


def are_right(checked: Sequence[Checked]) -> bool:
    return all(one.why is None for one in checked)
