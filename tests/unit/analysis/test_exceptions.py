"""Why an application raised what it did: what is said, and that nothing of an exception's own words is kept."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from stackmatrix.analysis.exceptions import (
    BY_DATABASE,
    MOST_KINDS,
    SAID,
    explain,
    limits_of,
    name_all,
    said,
    wrong_under_load,
)
from stackmatrix.matrix.app import Database
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.results.findings import Code, invalid, note
from under_test.raised import Raised

WALK_THROUGH = Path(__file__).parents[3] / "docs" / "your-own-app.md"
WSGI = replace(next(stack for stack in STACKS.values() if stack.interface == "WSGI"), slots=100)
ASGI = next(stack for stack in STACKS.values() if stack.serves_views_of == "ASGI" and stack.slots is None)
SQLITE, POSTGRES = Database("default", None, 60), Database("default", 100, 60)
REFUSED = Raised(
    "OperationalError",
    'connection failed: connection to server at "127.0.0.1", port 5432 failed: FATAL: sorry, too many clients already',
    "shop/views.py, line 3",
    ("views.py", "connection.py"),
)


@pytest.mark.parametrize(
    ("words", "files", "code", "says"),
    [
        ("OperationalError: database is locked", (), Code.DATABASE_LOCKED, 'transaction_mode = "IMMEDIATE"'),
        ("OperationalError: database table is locked: shop", (), Code.DATABASE_LOCKED, "another writer"),
        (f"OperationalError: {REFUSED.message}", (), Code.CONNECTIONS, "connections are used up"),
        ('OperationalError: FATAL: too many connections for database "x"', (), Code.CONNECTIONS, "used up"),
        ('OperationalError: FATAL: too many connections for role "x"', (), Code.CONNECTIONS, "used up"),
        ("OperationalError: FATAL: remaining connection slots are reserved", (), Code.CONNECTIONS, "used up"),
        ("PoolTimeout: couldn't get a connection after 30.00 sec", (), Code.CONNECTION_POOL, "max_size"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", ("smtplib.py", "socket.py"), Code.NO_MAIL, "mail"),
        ("SMTPServerDisconnected: Connection unexpectedly closed", (), Code.NO_MAIL, "[override]"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", ("http.py",), Code.NO_SERVICE, "{NAME.url}"),
        ("ConnectError: All connection attempts failed", (), Code.NO_SERVICE, "(ConnectError)"),
        ("OperationalError: no such table: auth_user", (), Code.RAISED, "no such table: auth_user. Add"),
        ("SynchronousOnlyOperation: You cannot call this", (), Code.RAISED, "this stack cannot serve it"),
    ],
)
def test_an_exception_is_explained_with_its_remedy(words: str, files: tuple[str, ...], code: Code, says: str) -> None:
    found = explain(words, files)
    assert found is not None
    assert found[0] == code
    assert says in found[1]


def test_what_is_not_known_is_told_by_its_type_and_its_place_and_never_by_its_words() -> None:
    found = name_all([Raised("ValueError", "token s3cr3t", "shop/views.py, line 3", ())])
    assert found == (note(Code.RAISED, "Requests raised ValueError in shop/views.py, line 3."),)
    assert name_all([Raised("ValueError", "s3cr3t", "", ())])[0].sentence == "Requests raised ValueError."


def test_of_what_is_known_only_what_was_looked_for_is_told() -> None:
    url = "ConnectionError: HTTPSConnectionPool(host='x'): Max retries exceeded with url: /?key=s3cr3t"
    (found,) = name_all([Raised("ConnectionError", url, "", ())])
    assert "s3cr3t" not in found.sentence


def test_each_kind_is_told_once_the_most_frequent_first_and_not_all_of_many() -> None:
    rare, locked = Raised("ValueError", "", "", ()), Raised("OperationalError", "database is locked", "", ())
    found = name_all([rare, locked, replace(locked, where="elsewhere"), rare, locked])
    assert [one.code for one in found] == ["database-locked", "raised"]
    assert len(name_all([Raised(f"Error{number}", "", "", ()) for number in range(50)])) == MOST_KINDS
    assert name_all([]) == ()


def test_refused_connections_are_told_by_what_was_known_before_the_load() -> None:
    (kept,) = name_all([REFUSED], limits_of(ASGI, [POSTGRES]))
    assert kept == note(
        Code.KEPT_CONNECTIONS,
        "PostgreSQL refused connections. CONN_MAX_AGE is 60, and under ASGI every request's connection stays: "
        "[override.asgi.DATABASES.default] CONN_MAX_AGE = 0.",
    )
    (threads,) = name_all([REFUSED], limits_of(WSGI, [replace(POSTGRES, allowed=99)]))
    assert threads == note(
        Code.MORE_THREADS,
        "PostgreSQL refused connections. The stack may open 100 connections and PostgreSQL allows 99.",
    )
    (unknown,) = name_all([REFUSED], ())
    assert unknown.code == "database-connections"


def test_what_has_nothing_to_do_with_connections_is_not_told_by_them() -> None:
    known = limits_of(ASGI, [POSTGRES])
    for raised in (Raised("ValueError", "", "", ()), Raised("PoolTimeout", "couldn't get a connection after", "", ())):
        assert name_all([raised], known) == name_all([raised])


def test_limits_of_before_the_load_are_of_postgresql_and_of_the_stack() -> None:
    assert limits_of(WSGI, [POSTGRES]) == ()
    assert limits_of(WSGI, [SQLITE]) == limits_of(ASGI, [SQLITE]) == ()
    assert [one.code for one in limits_of(WSGI, [replace(POSTGRES, allowed=99)])] == ["more-threads-than-connections"]
    assert [one.code for one in limits_of(ASGI, [POSTGRES])] == ["kept-connections"]
    assert limits_of(ASGI, [replace(POSTGRES, kept_s=0)]) == ()
    assert "CONN_MAX_AGE is unlimited" in limits_of(ASGI, [replace(POSTGRES, kept_s=None)])[0].sentence


def test_of_all_findings_those_that_exceptions_led_to_are_said_each_once() -> None:
    locked = note(Code.DATABASE_LOCKED, "Locked.")
    assert said([note(Code.PACE, "Slow."), locked, locked, note(Code.RAISED, "Raised.")]) == "Locked. Raised."
    assert said([]) == ""
    assert BY_DATABASE < SAID


def test_the_walk_through_shows_what_is_said_here_with_its_code() -> None:
    threads = limits_of(replace(WSGI, slots=400), [replace(POSTGRES, allowed=300)])
    raised = [
        Raised("OperationalError", "database is locked", "", ()),
        Raised("ConnectionRefusedError", "", "", ()),
        Raised("ConnectionRefusedError", "", "", ("smtplib.py",)),
        Raised("PoolTimeout", "couldn't get a connection after", "", ()),
        Raised("ValueError", "", "shop/views.py, line 30", ()),
    ]
    found = [name_all([one])[0] for one in raised]
    found += [name_all([REFUSED], known)[0] for known in ((), threads, limits_of(ASGI, [POSTGRES]))]
    found.append(invalid(Code.WRONG_BODY, wrong_under_load("/users/ lacks '1 user'")))
    table, _, _ = WALK_THROUGH.read_text(encoding="utf-8").partition("| what limited it |")[2].partition("\n\n")
    shown = re.findall(r"^\| [^|]+ \| `([\w-]+)` \| `(.+)` \|$", table, re.MULTILINE)
    assert [code for code, _ in shown if code not in {one.code for one in found}] == []
    assert len(shown) == len(found)
    for code, words in shown:
        (sentence,) = [one.sentence for one in found if one.code == code]
        assert words.strip("… ") in sentence
