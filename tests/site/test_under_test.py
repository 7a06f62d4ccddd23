"""What stands around the application under test: what it says of what serves it, and that all else passes through."""

import asyncio
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from under_test import application, around, held, traits
from under_test import served_by as served_by_module
from under_test.identity import IDENTITY_PATH, PROCESS, Identity

Ask = Callable[..., tuple[int, bytes]]


def ask_wsgi(
    path: str, query: str = "", burn: Callable[[], None] | None = None, around: Callable[..., Any] = around.wsgi
) -> tuple[int, bytes]:
    said: list[str] = []

    def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return [environ["PATH_INFO"].encode()]

    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    body = b"".join(_put(around, shop, burn)(environ, lambda status, _headers: said.append(status)))
    return int(said[0].split()[0]), body


def ask_asgi(
    path: str, query: str = "", burn: Callable[[], None] | None = None, around: Callable[..., Any] = around.asgi
) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def shop(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "query_string": query.encode()}
    asyncio.run(_put(around, shop, burn)(scope, None, send))
    return sent[0]["status"], sent[1]["body"]


def _put(around: Callable[..., Any], shop: Any, burn: Callable[[], None] | None) -> Any:
    return around(shop) if burn is None else around(shop, burn)


INTERFACES = pytest.mark.parametrize("interface", ["WSGI", "ASGI"])
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


def made_to_hold(interface: str, path: str) -> tuple[int, bytes]:
    """The answer to a request of an application that also holds requests, where this process is to."""
    module, ask = (held.wsgi, ask_wsgi) if interface == "WSGI" else (held.asgi, ask_asgi)
    return ask(path, around=module)


@INTERFACES
def test_a_request_is_held_for_the_time_that_its_path_says_and_no_longer_than_the_longest(
    interface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(held.VARIABLE, "1")
    monkeypatch.setattr(held, "LONGEST_MS", 30)
    for asked_ms, held_ms in ((20, 20), (900_000_000, 30)):
        began_s = time.monotonic()
        assert made_to_hold(interface, held.path(asked_ms)) == (200, held.text(held_ms).encode())
        assert time.monotonic() - began_s >= held_ms / 1000
    for path in ("/shop/", "/.stackmatrix/held/", "/.stackmatrix/held/soon/", "/.stackmatrix/held/-1/", "/x/held/1/"):
        assert made_to_hold(interface, path) == (404, path.encode())


@INTERFACES
def test_no_request_is_held_where_the_variable_is_not_set(interface: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(held.VARIABLE, raising=False)
    assert made_to_hold(interface, held.path(1)) == (404, held.path(1).encode())
    application = object()
    assert (held.wsgi(application), held.asgi(application)) == (application, application)  # type: ignore[arg-type]


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
    unreadable = tmp_path / "not_text-4.0.dist-info"
    unreadable.mkdir()
    (unreadable / "METADATA").write_bytes(b"Metadata-Version: 2.1\nName: \xff\xfe\nVersion: 4.0\n")
    (tmp_path / "a_file-5.0.dist-info").write_text("no folder", encoding="utf-8")
    (tmp_path / "a_folder-6.0.dist-info" / "METADATA").mkdir(parents=True)
    (tmp_path / "gone-7.0.dist-info").symlink_to(tmp_path / "gone")
    (tmp_path / "linked.egg-link").write_text("/somewhere", encoding="utf-8")
    versionless = tmp_path / "versionless-3.0.dist-info"
    versionless.mkdir()
    (versionless / "METADATA").write_text("Metadata-Version: 2.1\nName: Version_Less\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    packages = served_by(ask_wsgi)["packages"]
    broken = {name for name, version in packages.items() if version == "broken"}
    assert broken == {"nothing-in-it", "nameless", "version-less", "not-text", "a-file", "a-folder", "gone"}
    assert packages["django"] == metadata.version("django")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_folder_whose_name_is_no_text_is_told_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / os.fsdecode(b"odd\xff-8.0.dist-info")).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert served_by(ask_wsgi)["packages"]["odd?"] == "broken"


def test_of_a_package_that_is_there_twice_it_is_the_one_that_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted upgrade leaves a broken folder beside the whole one, and a path may have a second copy."""
    for folder, name, content in [
        ("first", "twice-2.0.dist-info", "Name: Twice\nVersion: 2.0\n"),
        ("first", "twice-1.0.dist-info", ""),
        ("second", "twice-9.0.dist-info", "Name: twice\nVersion: 9.0\n"),
    ]:
        place = tmp_path / folder / name
        place.mkdir(parents=True)
        (place / "METADATA").write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "second")
    monkeypatch.syspath_prepend(tmp_path / "first")
    assert served_by(ask_wsgi)["packages"]["twice"] == "2.0"


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


@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="threads run at once without the GIL")
def test_no_other_thread_ever_sees_an_object_held_that_the_traits_are_found_of() -> None:
    # uWSGI has such a tuple for each thread, and fails a request while somebody else holds it.
    mine: list[object] = [([],)]
    alone, most, is_over = sys.getrefcount(mine[0]), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not is_over.is_set():
            most = max(most, sys.getrefcount(mine[0]))

    interval_s = sys.getswitchinterval()
    watcher = threading.Thread(target=watch)
    try:
        sys.setswitchinterval(1e-6)
        watcher.start()
        for _ in range(20):
            list(traits.classes())
    finally:
        is_over.set()
        watcher.join()
        sys.setswitchinterval(interval_s)
    assert most == alone


@BOTH
def test_asked_which_process_it_is_it_says_only_that_and_looks_at_nothing_else(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_by_module, "describe", None)
    status, body = ask(IDENTITY_PATH, PROCESS)
    assert (status, json.loads(body)) == (200, {"pid": os.getpid()})


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
