"""What an application raised, and the sentence that says why and what to do about it: the one table of causes. Pure.

They limit what a stack can serve as slots and the core do, and are the application's or its database's. A check of a
page says the same sentences before any load. Of what an exception says nothing is kept but what stands in a sentence
here: it may hold secrets.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stackmatrix.matrix.app import Database
from stackmatrix.matrix.stacks import Stack
from stackmatrix.results.findings import Code, Finding, note
from under_test.raised import Raised

MOST_KINDS = 5
"""Kinds of exceptions that are told of one load: those that came most often."""

SQLITE_REMEDY = (
    "Add [override.DATABASES.{alias}.OPTIONS] "
    'transaction_mode = "IMMEDIATE" and init_command = "PRAGMA journal_mode=WAL", or use services = ["postgres"].'
)


@dataclass(frozen=True, slots=True)
class Cause:
    """What is looked for in an exception, and what is said of it; ``{found}`` is what was found."""

    code: Code
    pattern: str
    sentence: str


CAUSES = (
    Cause(
        Code.RAISED,
        r"no such table: [\w.]+|relation \"[\w.]+\" does not exist",
        '{found}. Add "migrate" to setup.',
    ),
    Cause(
        Code.RAISED,
        r"Missing staticfiles manifest entry for '[^']+'",
        '{found}. The static files are not collected, or not built: add "collectstatic" to setup (after '
        '"$ npm run build", if they are built).',
    ),
    Cause(
        Code.DATABASE_LOCKED,
        r"database (?:table )?is locked",
        f"SQLite was locked by another writer. {SQLITE_REMEDY.format(alias='default')}",
    ),
    Cause(
        Code.CONNECTIONS,
        r"too many clients already|remaining connection slots|too many connections for (?:database|role)",
        "PostgreSQL's connections are used up: fewer threads, or [override.DATABASES.default] CONN_MAX_AGE = 0.",
    ),
    Cause(
        Code.CONNECTION_POOL,
        r"couldn't get a connection after",
        "the pool of database connections was empty: fewer threads, or a larger max_size in OPTIONS.pool.",
    ),
    Cause(
        Code.RAISED,
        r"'ASGIRequest' object has no attribute '\w+'|KeyError: '(wsgi\.\w+|SERVER_SOFTWARE)'",
        "the project reads what only WSGI has, so ASGI cannot serve this path. Say asgi = false to leave those "
        "stacks out.",
    ),
    Cause(
        Code.RAISED,
        r"SynchronousOnlyOperation",
        "an async view touches the database where it must not (SynchronousOnlyOperation); this stack cannot serve it.",
    ),
    Cause(
        Code.NO_MAIL,
        r"\bsmtplib\.py\b|\bSMTP\w*(?:Error|Disconnected|Refused|Exception)\b",
        "the project sends mail, and no mail server takes it: leave EMAIL_BACKEND and MAILERS out of [override], and "
        "it goes nowhere.",
    ),
    Cause(
        Code.NO_SERVICE,
        r"Connection(Refused)?Error|ConnectError|Connection refused|Max retries exceeded|Cannot connect to host",
        "the project calls a service that does not answer ({found}): if it is one that it waits for, describe it "
        "as [upstream.NAME], and give {{NAME.url}} in [env].",
    ),
)
"""The first that knows an exception says its sentence."""

BY_DATABASE = frozenset(
    {Code.DATABASE_LOCKED, Code.CONNECTIONS, Code.CONNECTION_POOL, Code.KEPT_CONNECTIONS, Code.MORE_THREADS}
)
"""Findings by which the database limits what a stack serves."""
SAID = BY_DATABASE | {Code.NO_MAIL, Code.NO_SERVICE, Code.RAISED}
"""Findings that exceptions lead to."""


def explain(words: str, files: Iterable[str] = ()) -> tuple[Code, str] | None:
    """The cause of an exception and its sentence, by its type and words and the names of files that it came through.

    ``None`` for one that is not known.
    """
    for one in CAUSES:
        if match := re.search(one.pattern, " ".join((words, *files))):
            return one.code, one.sentence.format(found=match[0])
    return None


def limits_of(stack: Stack, databases: Sequence[Database]) -> tuple[Finding, ...]:
    """How an application's databases will probably limit a stack, known before any load."""
    found = []
    for one in databases:
        if one.allowed is None:
            continue
        if stack.serves_views_of == "ASGI" and one.kept_s != 0:
            found.append(note(Code.KEPT_CONNECTIONS, keeps_connections(one.alias, one.kept_s)))
        if stack.slots is not None and stack.slots > one.allowed:
            sentence = f"The stack may open {stack.slots} connections and PostgreSQL allows {one.allowed}."
            found.append(note(Code.MORE_THREADS, sentence))
    return tuple(found)


def keeps_connections(alias: str, kept_s: float | None) -> str:
    """The sentence for a database whose connections stay for so many seconds under ASGI; ``None``: for ever."""
    age = "unlimited" if kept_s is None else f"{kept_s:g}"
    return (
        f"CONN_MAX_AGE is {age}, and under ASGI every request's connection stays: "
        f"[override.asgi.DATABASES.{alias}] CONN_MAX_AGE = 0."
    )


def name_all(raised: Iterable[Raised], known: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """What exceptions of one load say of what limited it, each kind once, those that came most often first.

    ``known`` are the limits of before the load: where connections were refused, they say why.
    """
    kinds = Counter(_name(one, known) for one in raised)
    return tuple(kind for kind, _ in kinds.most_common(MOST_KINDS))


def _name(raised: Raised, known: Sequence[Finding]) -> Finding:
    cause = explain(f"{raised.type}: {raised.message}", raised.files)
    if cause is None:
        where = f" in {raised.where}" if raised.where else ""
        return note(Code.RAISED, f"Requests raised {raised.type}{where}.")
    code, sentence = cause
    if code is Code.CONNECTIONS and known:
        refused = f"PostgreSQL refused connections. {known[0].sentence}"
        return note(Code(known[0].code), refused)
    return note(code, f"Requests raised {raised.type}: {sentence}")


def said(findings: Iterable[Finding]) -> str:
    """The sentences of findings that exceptions led to, each once; empty without any."""
    return " ".join(dict.fromkeys(one.sentence for one in findings if one.code in SAID))


def wrong_under_load(why: str) -> str:
    """The sentence for a page that was right when it was asked first."""
    return f"Right when asked first, wrong under load: {why}. Does a [[request]] of this file change it?"
