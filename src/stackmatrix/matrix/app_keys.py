"""The table of keys of an app's file (``stackmatrix.toml``): what may stand in it, and what each key says.

Reading, the error for an unknown key and the published JSON schema are all made of it. Only the standard library is
imported, since the noxfile reads this.
"""

from typing import Any

from stackmatrix.matrix.pages import LIKE_CHARACTERS, LIKE_SHARE
from stackmatrix.matrix.ramp import HIGHEST_RATE
from stackmatrix.matrix.shapes import (
    DAY,
    FILE,
    FLAG,
    FREE_TEXT,
    HEADER,
    JSON,
    NAME,
    PERCENT,
    PORT,
    SETTING,
    STATUS,
    TEXT,
    TOKEN,
    VALUE,
    Constant,
    Key,
    ListOf,
    Names,
    Number,
    OneOf,
    Plain,
    Shape,
    Table,
)
from stackmatrix.matrix.stacks.stack import COMMAND_PLACES

LOWEST_RATE = 0.1
"""Requests per second: with fewer, a step of a ramp would have none."""
SERVICES = ("postgres", "redis", "slow-api")
"""The services that are started for an app, by the names that ``services`` takes."""

TEXTS = ListOf(TEXT)
COMMAND = OneOf((TEXT, ListOf(TEXT, least=1)))
SHARE = Number(0, 1)
MS = Number(0, 600_000)
"""Longer than any visitor waits, or a test of that."""


def _variables(values: Shape) -> Table:
    """Variables of an environment, in whose names there cannot be what ends them."""
    return Table(others=values, names=r"[^\0=]+")


def _by_interface(values: Shape, what: str) -> Table:
    """A table of free keys that also holds one for each interface."""
    each = _variables(values)
    return Table(
        {
            "wsgi": Key(each, f"{what} for stacks that speak WSGI only"),
            "asgi": Key(each, f"{what} for stacks that speak ASGI only"),
        },
        others=values,
        names=each.names,
    )


EXPECT = Table(
    {
        "status": Key(STATUS, "the status of a right answer; default: 200"),
        "contains": Key(OneOf((TEXT, TEXTS)), "texts that a right answer has"),
        "json": Key(Table(others=JSON), "values by their dotted place in the answer's JSON"),
        "location": Key(TEXT, "where a redirect leads, without its host"),
        "like": Key(
            FLAG,
            "false: answers may differ from the first one in type, title and length (by more than the larger of "
            f"{100 * LIKE_SHARE:g} % and {LIKE_CHARACTERS} characters)",
        ),
    }
)

REQUEST = Table(
    {
        "path": Key(TEXT, "the path, from its slash on; {slug} stands for one of values.slug"),
        "values": Key(Table(others=ListOf(VALUE, least=1)), "what stands for a name in braces, taken in turns"),
        "weight": Key(Number(0, 1_000_000), "how often it is asked for, against the other requests; default: 1"),
        "method": Key(TOKEN, "default: GET, or POST with a body"),
        "json": Key(JSON, "the body, sent as JSON; {n} is another number each time"),
        "form": Key(Table(others=VALUE), "the body, sent as a form; {n} is another number each time"),
        "body": Key(FREE_TEXT, "the body as it is; {n} is another number each time"),
        "headers": Key(Table(others=HEADER, names=TOKEN.pattern or ""), "further headers"),
        "accept": Key(HEADER, "the Accept header"),
        "user": Key(TEXT, "who is logged in; one that is not there is made, as a superuser"),
        "csrf": Key(FLAG, "false: send no CSRF token with what is no GET"),
        "name": Key(TEXT, "what the results call it; default: its path"),
        "expect": Key(EXPECT, "what makes an answer right; default: 200, and like the first one"),
    },
    required=("path",),
    title="path",
)

FILLING = Plain("a name of letters, digits, - and _", (str,), {"type": "string"}, NAME)
PROCESS = Table(
    {
        "name": Key(FILLING, "fills {name.url}, {name.host} and {name.port}"),
        "command": Key(COMMAND, "the command; {port} is its port"),
        "port": Key(PORT, "a port that the app has built in; default: a free one"),
        "env": Key(_variables(VALUE), "variables for this process only"),
    },
    required=("name", "command"),
    title="name",
)

LONG_TAIL = Table(
    {
        "median": Key(MS, "half of the answers take less, in ms"),
        "p99": Key(MS, "99 of 100 answers take less, in ms"),
        "seed": Key(Number(1, 2**32, is_whole=True), "of the draws; default: 1"),
    },
    required=("median", "p99"),
)

UPSTREAM = Table(
    {
        "delay_ms": Key(OneOf((MS, LONG_TAIL)), "how long each answer takes: a number, or drawn from a long tail"),
        "status": Key(STATUS, "the status that it answers; default: 200"),
        "json": Key(JSON, "what it answers, as JSON"),
        "body": Key(FREE_TEXT, "what it answers, as it is"),
        "content_type": Key(HEADER, "of body; default: text/plain"),
        "fail_share": Key(SHARE, "the share of calls that are answered 503, from 0 to 1"),
        "hang_share": Key(SHARE, "the share of calls that are never answered, from 0 to 1"),
        "port": Key(PORT, "a port that the app has built in; default: a free one"),
    },
    required=("delay_ms",),
)

STACK = Table(
    {
        "command": Key(COMMAND, f"the server's command: {', '.join(f'{{{one}}}' for one in COMMAND_PLACES)}"),
        "requirements": Key(TEXTS, "the server's packages"),
        "interface": Key(Names(("WSGI", "ASGI")), "which of the app's callables it serves"),
        "waits_with": Key(Names(("threads", "greenlets", "event loop")), "how a worker waits"),
        "slots": Key(
            Number(1, 100_000, is_whole=True), "how many requests can be inside the view at once; default: no limit"
        ),
        "workers": Key(Number(1, 1_000, is_whole=True), "how many processes it has; default: 1"),
        "server": Key(TEXT, "the server's module, as it is imported; default: called like the first requirement"),
        "summary": Key(TEXT, "what tables call it; default: its name"),
        "flags_from": Key(TEXT, "who recommends the flags"),
    },
    required=("command", "requirements", "interface", "waits_with"),
)

GATED = {
    "cpu": "CPU time per request, in ms, at most",
    "instructions": "instructions per request, in millions, at most",
    "memory": "memory (PSS) at the reference rate, in MB, at most",
    "p95": "p95 at the reference rate, in ms, at most",
    "holds": "arrivals per second that it holds, at least",
}
"""The figures that a gate can judge, with what their budgets say."""

WAIVER = Table(
    {
        "stack": Key(TEXT, "of which stack; default: any"),
        "workload": Key(TEXT, "of which workload; default: any"),
        "figure": Key(Names(tuple(GATED), "a figure"), f"which figure ({', '.join(GATED)}); default: any"),
        "at_most": Key(PERCENT, 'by how much it may be worse, such as "8%"'),
        "until": Key(DAY, "the last day on which that holds, such as 2026-12-31"),
        "reason": Key(TEXT, "why, as reports show it"),
    },
    required=("at_most", "until", "reason"),
    title="reason",
)
BUDGET = Table({name: Key(Number(0, 1_000_000), says) for name, says in GATED.items()})

MODULE = Plain("a module such as mysite.settings", (str,), {"type": "string"}, r"\w{1,200}(\.\w{1,200}){0,20}")
HOST = Plain("a name, perhaps with a port", (str,), {"type": "string"}, r"[\w.:\[\]-]+")
DATABASES = ListOf(FILLING, least=1)
SERVICE = OneOf((Names(SERVICES), Table({"postgres": Key(DATABASES, "the names of several databases")}, ("postgres",))))

APP = Table(
    {
        "name": Key(TEXT, "what the results call the app; default: its folder's name"),
        "paths": Key(TEXTS, "pages that are asked for anonymously, right if 200"),
        "request": Key(ListOf(REQUEST), "pages with all that can be said of them"),
        "project": Key(FILE, "the project's folder, relative to this file; default: this file's"),
        "settings": Key(MODULE, "the settings module; default: what manage.py and wsgi.py say, if they agree"),
        "wsgi": Key(OneOf((TEXT, Constant(value=False))), 'the callable, "mysite.wsgi:application"; false: none'),
        "asgi": Key(OneOf((TEXT, Constant(value=False))), 'the callable, "mysite.asgi:application"; false: none'),
        "manage": Key(TEXT, "a path to manage.py, or a command; default: the manage.py that is found"),
        "install": Key(TEXTS, 'what to install: files, ".", ".[extra]", names, "uv.lock --group prod"'),
        "python": Key(TEXTS, "which Pythons; default: all that requires-python allows"),
        "env": Key(_by_interface(VALUE, "variables"), "the app's environment, all of it"),
        "env_file": Key(FILE, "a file with NAME=value lines, from which secrets are taken, too"),
        "secrets": Key(TEXTS, "names of variables taken from your environment, written in no result"),
        "override": Key(_by_interface(SETTING, "settings"), "settings, merged into the project's table by table"),
        "files": Key(
            Table(
                others=OneOf((FREE_TEXT, Table({"copy": Key(FILE, "a file beside this one")}, ("copy",)))),
                names=FILE.pattern or "",
            ),
            "files put into the copy of the project",
        ),
        "services": Key(ListOf(SERVICE), "services that are started empty for the app"),
        "process": Key(ListOf(PROCESS), "other processes that must listen before the stack starts"),
        "upstream": Key(
            Table(others=UPSTREAM, names=NAME), "slow services that the app calls, stood in for; they fill {NAME.url}"
        ),
        "setup": Key(TEXTS, 'steps: a management command, a Python file, or "$ " and a shell line'),
        "state": Key(ListOf(FILE), "folders that the app writes into"),
        "host": Key(HOST, "the Host header; default: the first of ALLOWED_HOSTS"),
        "https": Key(FLAG, "whether to claim https, by X-Forwarded-Proto; default: SECURE_SSL_REDIRECT"),
        "ready": Key(
            Table(
                {
                    "path": Key(TEXT, "asked for until it answers"),
                    "within": Key(Number(1, 3600), "seconds; default: 120"),
                }
            ),
            "when a server is taken to be up; default: the first path answers",
        ),
        "login": Key(
            Table(
                others=Table(
                    {
                        "path": Key(TEXT, "the page with the form"),
                        "form": Key(
                            Table(others=VALUE), "the fields that are filled in; {NAME} stands for one of secrets"
                        ),
                    },
                    required=("path", "form"),
                )
            ),
            "users that are logged in by form; default: a session is made",
        ),
        "stack": Key(Table(others=STACK), "stacks of your own"),
        "rate": Key(
            Number(LOWEST_RATE, HIGHEST_RATE),
            "requests per second at which stacks are compared; default: found by measuring",
        ),
        "unloaded_ms": Key(Number(1, 60_000), "how long a request takes when nothing else is asked; default: measured"),
        "waive": Key(ListOf(WAIVER), "what a gate lets pass although it is worse, until a day"),
        "budget": Key(BUDGET, "how much of each figure a gate allows, whatever it was before"),
    }
)
"""All keys of the file."""


def reference() -> str:
    """All keys as a page in Markdown, table by table."""
    page = [_PAGE.strip(), *_tables("", APP)]
    return "\n\n".join(page) + "\n"


_PAGE = """
# The keys of stackmatrix.toml

The file describes an application under test. The same keys may stand under `[tool.stackmatrix]` of a pyproject.toml.
Everything is optional but one page, and a key that is not known is an error. In `env`, `override`, `files` and
commands, `{NAME.url}`, `{NAME.host}` and `{NAME.port}` stand for the address of a service, process or upstream;
databases have `.name`, `.user` and `.password`, too.

In the command of a stack, `{bin}` stands for the environment's folder of programs, `{prefix}` for the environment,
`{port}` for the port, `{backlog}` for the length of the listen queue, and `{folder}` for a private folder. What it
serves is `{asgi}`, or `{wsgi}`, a module, or `{wsgi_callable}`, `module:application`, for a server that wants that.

This page is made from the table that reads the file: `nox -s lock` writes it.
"""


def _tables(name: str, table: Table) -> list[str]:
    """A table of keys, and those of the tables that stand in it."""
    rows = [f"| `{key}` | {one.summary} |" for key, one in table.keys.items()]
    written = ["\n".join(["| key | says |", "| --- | --- |", *rows])]
    for key, one in table.keys.items():
        place = f"{name}.{key}".removeprefix(".")
        if (inner := _inner(one.shape)) is not None and inner.keys:
            shown = f"[[{place}]]" if isinstance(one.shape, ListOf) else f"{place}"
            shown = f"[{place}.NAME]" if inner is not one.shape and not isinstance(one.shape, ListOf) else shown
            written += [f"## `{shown}`", *_tables(place, inner)]
    return written


def _inner(shape: Shape) -> Table | None:
    """The table with keys of its own that a value holds."""
    if isinstance(shape, ListOf):
        return _inner(shape.item)
    if isinstance(shape, Table):
        return shape if shape.keys else _inner(shape.others) if shape.others is not None else None
    return None


def schema() -> dict[str, Any]:
    """The JSON schema of an app's file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "stackmatrix.toml", **APP.schema()}
