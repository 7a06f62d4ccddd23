"""What a wrong answer means, for causes that need no project to be provoked."""

from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.application.explain import Asked, why_wrong
from stackmatrix.application.failures import Failure
from stackmatrix.application.probe import Database, Ours, Settings, why_unfit
from stackmatrix.application.setup import Answered, Door
from stackmatrix.matrix.app_requests import Request
from stackmatrix.matrix.pages import Page

SETTINGS = Settings(
    module="x", debug=False, allowed_hosts=("*",), https=False, databases=(), has_manifest=False,
    session_engine="", session_cache="", csrf_cookie="csrftoken", csrf_header="HTTP_X_CSRFTOKEN",
    csrf_in_session=False, secret_key="",
)  # fmt: skip


def explain(status: int, *, raised: str = "", body: str = "", location: str = "", user: str | None = None) -> str:
    kind, _, message = raised.partition(": ")
    error = Failure(kind, message) if raised else None
    answer = Answered(status, {"location": location} if location else {}, body, error)
    page = Page("/a/", "/a/")
    asked = Asked(Request(page, user), page, answer, SETTINGS, Door("example.org", https=False, token=""), Path())
    return why_wrong(asked) or ""


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (
            {"status": 400, "body": "Unknown host"},
            "/a/ answered 400 although ALLOWED_HOSTS lets every host in: the project has a check of its own; say host.",
        ),
        ({"status": 401}, '/a/ answered 401: this page wants a login. Say user = "NAME".'),
        ({"status": 403}, '/a/ answered 403: this page wants a login. Say user = "NAME".'),
        ({"status": 403, "user": "ada"}, "/a/ answered 403: ada may not see this page; is there another user who may?"),
        ({"status": 302, "location": "/b/"}, "/a/ answered 302, to /b/: ask for that path, or say that this is right"),
        (
            {"status": 500, "raised": "OperationalError: database is locked"},
            "/a/ answered 500: SQLite was locked by another writer. Add [override.DATABASES.default.OPTIONS]",
        ),
        (
            {"status": 500, "raised": "OperationalError: FATAL: sorry, too many clients already"},
            "/a/ answered 500: PostgreSQL's connections are used up",
        ),
        (
            {"status": 500, "raised": "AttributeError: 'ASGIRequest' object has no attribute 'environ'"},
            ("/a/ answered 500: the project reads what only WSGI has, so ASGI cannot serve this path. "
            "Say asgi = false to leave those stacks out."),
        ),
        ({"status": 500, "raised": "ValueError: of its own"}, "/a/ answered 500: ValueError: of its own"),
        ({"status": 200}, ""),
    ],
)  # fmt: skip
def test_a_cause_is_told_with_its_remedy(answered: dict[str, object], said: str) -> None:
    found = explain(**answered)  # type: ignore[arg-type]
    assert found.startswith(said) if said else not found


def database(engine: str, name: str, host: str = "", port: str = "", led_by: tuple[str, ...] = ()) -> Settings:
    found = {"engine": f"django.db.backends.{engine}", "name": name, "host": host, "port": port}
    one = Database.of("default", {**found, "conn_max_age": 0, "is_immediate": False, "led_by": led_by})
    return replace(SETTINGS, databases=(one,))


def test_debug_is_refused_unless_the_file_wants_it(tmp_path: Path) -> None:
    on = replace(SETTINGS, debug=True)
    assert (why_unfit(on, Ours(tmp_path)) or "").startswith("DEBUG is on, and a site is not served like that")
    assert why_unfit(on, Ours(tmp_path), wants_debug=True) is None


def test_only_databases_that_the_harness_made_are_taken(tmp_path: Path) -> None:
    ours = Ours(tmp_path, "127.0.0.1", 20_000, ("base_default",))
    taken = [
        database("postgresql", "base_default", "127.0.0.1", "20000"), database("sqlite3", str(tmp_path / "db")),
        database("sqlite3", "db.sqlite3"), database("dummy", ""), database("sqlite3", "file:db.sqlite3?mode=rw"),
        database("sqlite3", "inside"),
    ]  # fmt: skip
    refused = [
        database("postgresql", "shop", "127.0.0.1", "20000"), database("postgresql", "base_default", "", "5432"),
        database("postgis", "base_default"), database("sqlite3", "/var/db"), database("sqlite3", "../db"),
        database("sqlite3", ":memory:"), database("mysql", "shop", "db"), database("oracle", "shop"),
        database("django_postgrespool2", "shop"), database("sqlite3", "file:%2Fvar%2Fdb"),
        database("sqlite3", "file:///var/db?mode=rw"), database("sqlite3", "file://localhost/var/db"),
        database("sqlite3", "file::memory:?cache=shared"), database("sqlite3", "file:db?mode=memory"),
        database("sqlite3", "away"), database("sqlite3", "folder/db"),
    ]  # fmt: skip
    (tmp_path / "inside").symlink_to("db.sqlite3")
    (tmp_path / "away").symlink_to("/var/lib/shop.sqlite3")
    (tmp_path / "folder").symlink_to("/var/lib")
    assert [why_unfit(one, ours) for one in taken] == [None] * len(taken)
    assert all("DATABASES['default'] is" in (why_unfit(one, ours) or "") for one in refused)


def test_a_driver_that_may_be_led_past_the_address_is_refused(tmp_path: Path) -> None:
    ours = Ours(tmp_path, "127.0.0.1", 20_000, ("base_default",))
    led = [
        database("postgresql", "base_default", "127.0.0.1", "20000", ("OPTIONS.service",)),
        database("postgresql", "base_default", "127.0.0.1", "20000", ("PGHOSTADDR",)),
        database("sqlite3", "db.sqlite3", led_by=("OPTIONS.database",)),
    ]
    said = [why_unfit(one, ours) or "" for one in led]
    assert [one.partition(" may lead DATABASES['default'] elsewhere than ")[0] for one in said] == [
        "OPTIONS.service", "PGHOSTADDR", "OPTIONS.database",
    ]  # fmt: skip


def test_a_project_that_does_not_see_that_https_was_claimed_is_told_to_take_the_header() -> None:
    answer, page = Answered(301, {"location": "https://example.org/a/"}, ""), Page("/a/", "/a/")
    asked = Asked(Request(page), page, answer, SETTINGS, Door("example.org", https=True, token=""), Path())
    assert "the server does not hand on the header by which requests claim https" in (why_wrong(asked) or "")
