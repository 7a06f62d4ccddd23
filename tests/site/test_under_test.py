"""What stands around the application under test: what it says of what serves it, and that all else passes through."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from under_test import application, around
from under_test.identity import IDENTITY_PATH, Identity

Ask = Callable[..., tuple[int, bytes]]


def ask_wsgi(path: str, query: str = "", burn: Callable[[], None] | None = None) -> tuple[int, bytes]:
    said: list[str] = []

    def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return [environ["PATH_INFO"].encode()]

    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    body = b"".join(around.wsgi(shop, burn)(environ, lambda status, _headers: said.append(status)))
    return int(said[0].split()[0]), body


def ask_asgi(path: str, query: str = "", burn: Callable[[], None] | None = None) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def shop(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "query_string": query.encode()}
    asyncio.run(around.asgi(shop, burn)(scope, None, send))
    return sent[0]["status"], sent[1]["body"]


BOTH = pytest.mark.parametrize("ask", [ask_wsgi, ask_asgi])


def served_by(ask: Ask, query: str = "") -> dict[str, Any]:
    status, body = ask(IDENTITY_PATH, query)
    assert status == 200
    content: dict[str, Any] = json.loads(body)
    return content


@BOTH
def test_every_other_path_is_the_applications(ask: Ask) -> None:
    assert ask("/shop/") == (404, b"/shop/")
    assert ask(IDENTITY_PATH.rstrip("/")) == (404, IDENTITY_PATH.rstrip("/").encode())


@BOTH
def test_the_control_burns_before_each_request_but_not_before_the_question_what_serves_it(ask: Ask) -> None:
    burnt: list[int] = []
    ask("/shop/", "", lambda: burnt.append(1))
    assert burnt == [1]
    ask(IDENTITY_PATH, "", lambda: burnt.append(1))
    assert burnt == [1]


def test_what_asgi_has_beside_requests_is_the_applications() -> None:
    seen = []

    async def shop(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(around.asgi(shop)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


def test_the_application_is_the_one_that_the_variable_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shop_wsgi.py").write_text("application, app = 1, 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    for named, expected in (("shop_wsgi:app", 2), ("shop_wsgi", 1)):
        monkeypatch.setenv(application.VARIABLE, named)
        assert application.load() == expected


@BOTH
def test_served_by_names_the_interpreter(ask: Ask) -> None:
    python = served_by(ask)["python"]
    assert python["version"] == platform.python_version()
    assert python["implementation"] == platform.python_implementation()
    assert python["gil"] is getattr(sys, "_is_gil_enabled", lambda: True)()
    assert python["origin"] in {"uv", "pyenv", "distribution", "other"}


@BOTH
def test_served_by_tells_when_the_gil_is_off(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python 3.12 does not have it.
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert served_by(ask)["python"]["gil"] is False


def test_served_by_tells_wsgi_from_asgi() -> None:
    by_wsgi, by_asgi = served_by(ask_wsgi), served_by(ask_asgi)
    assert (by_wsgi["interface"], by_wsgi["waits_with"], by_wsgi["event_loop"]) == ("WSGI", "threads", None)
    assert (by_asgi["interface"], by_asgi["waits_with"]) == ("ASGI", "event loop")
    assert by_asgi["event_loop"].startswith("asyncio.")
    assert by_wsgi["pid"] == by_asgi["pid"] == os.getpid()
    assert by_wsgi["monkey_patched"] is by_asgi["monkey_patched"] is False


@BOTH
def test_served_by_lists_every_package_with_its_version(ask: Ask) -> None:
    packages = served_by(ask)["packages"]
    assert {"django", "httpx", "pytest"} <= packages.keys()
    assert packages["django"] == metadata.version("django")
    assert len(packages) == len(list(metadata.distributions()))


def test_a_package_whose_folder_does_not_say_what_it_is_is_listed_as_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Nothing_In_It-1.0.dist-info").mkdir()
    nameless = tmp_path / "nameless-2.0.dist-info"
    nameless.mkdir()
    (nameless / "METADATA").write_text("Metadata-Version: 2.1\nVersion: 2.0\n", encoding="utf-8")
    versionless = tmp_path / "versionless-3.0.dist-info"
    versionless.mkdir()
    (versionless / "METADATA").write_text("Metadata-Version: 2.1\nName: Version_Less\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    packages = served_by(ask_wsgi)["packages"]
    broken = {name for name, version in packages.items() if version == "broken"}
    assert broken == {"nothing-in-it", "nameless", "version-less"}
    assert packages["django"] == metadata.version("django")


@BOTH
def test_how_fast_the_interpreter_is_is_told_where_it_is_asked_for_only(ask: Ask) -> None:
    assert served_by(ask)["loop_ms"] is None
    assert served_by(ask, "loop=1")["loop_ms"] > 0


@BOTH
def test_served_by_tells_servers_that_are_loaded_and_what_lives_of_them(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = type("Worker", (), {"__module__": "gunicorn.workers"})
    assert not {"gunicorn", "gunicorn.workers.Worker"} & {*served_by(ask)["traits"]}
    monkeypatch.setitem(sys.modules, "gunicorn", ModuleType("gunicorn"))
    living = worker()
    assert {"gunicorn", "gunicorn.workers.Worker"} <= {*served_by(ask)["traits"]}
    assert living


@BOTH
def test_what_served_by_tells_is_read_as_it_was_written(ask: Ask) -> None:
    _, body = ask(IDENTITY_PATH)
    identity = Identity.from_json(body.decode())
    assert identity.to_dict() == json.loads(body)
    assert (identity.python["version"], identity.pid) == (platform.python_version(), os.getpid())


@pytest.mark.parametrize("text", ["", "<p>It works!</p>", "{}", "[]", "null", '{"pid": 1}'])
def test_what_is_no_identity_is_an_error_and_not_half_of_one(text: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Identity.from_json(text)
