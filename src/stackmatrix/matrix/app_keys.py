"""The table of keys of an app's file (``stackmatrix.toml``): what may stand in it, and what each key says.

Reading, the error for an unknown key and the published JSON schema are all made of it. Only the standard library is
imported, since the noxfile reads this.
"""

from typing import Any

from stackmatrix.matrix.shapes import (
    AMOUNT,
    ANYTHING,
    COUNT,
    FLAG,
    STATUS,
    TEXT,
    VALUE,
    Constant,
    Key,
    ListOf,
    Names,
    OneOf,
    Shape,
    Table,
)

SERVICES = ("postgres", "redis", "slow-api")
"""The services that are started for an app, by the names that ``services`` takes."""

TEXTS = ListOf(TEXT)
TEXT_OR_TEXTS = OneOf((TEXT, TEXTS))


def _by_interface(values: Shape, what: str) -> Table:
    """A table of free keys that also holds one for each interface."""
    each = Table(others=values)
    return Table(
        {
            "wsgi": Key(each, f"{what} for stacks that speak WSGI only"),
            "asgi": Key(each, f"{what} for stacks that speak ASGI only"),
        },
        others=values,
    )


EXPECT = Table(
    {
        "status": Key(STATUS, "the status of a right answer; default: 200"),
        "contains": Key(TEXT_OR_TEXTS, "texts that a right answer has"),
        "json": Key(Table(others=ANYTHING), "values by their dotted place in the answer's JSON"),
        "location": Key(TEXT, "where a redirect leads, without its host"),
        "like": Key(FLAG, "false: answers may differ in type, title and length from the first one"),
    }
)

REQUEST = Table(
    {
        "path": Key(TEXT, "the path, from its slash on; {slug} stands for one of values.slug"),
        "values": Key(Table(others=ListOf(VALUE)), "what stands for a name in braces, taken in turns"),
        "weight": Key(AMOUNT, "how often it is asked for, against the other requests; default: 1"),
        "method": Key(TEXT, "default: GET, or POST with a body"),
        "json": Key(ANYTHING, "the body, sent as JSON; {n} is another number each time"),
        "form": Key(Table(others=VALUE), "the body, sent as a form; {n} is another number each time"),
        "body": Key(TEXT, "the body as it is; {n} is another number each time"),
        "headers": Key(Table(others=TEXT), "further headers"),
        "accept": Key(TEXT, "the Accept header"),
        "user": Key(TEXT, "who is logged in; one that is not there is made, as a superuser"),
        "csrf": Key(FLAG, "false: send no CSRF token with what is no GET"),
        "name": Key(TEXT, "what the results call it; default: its path"),
        "expect": Key(EXPECT, "what makes an answer right; default: 200, and like the first one"),
    },
    required=("path",),
    title="path",
)

PROCESS = Table(
    {
        "name": Key(TEXT, "fills {name.url}, {name.host} and {name.port}"),
        "command": Key(TEXT_OR_TEXTS, "the command; {port} is its port"),
        "port": Key(COUNT, "a port that the app has built in; default: a free one"),
        "env": Key(Table(others=VALUE), "variables for this process only"),
    },
    required=("name", "command"),
    title="name",
)

LONG_TAIL = Table(
    {
        "median": Key(AMOUNT, "half of the answers take less, in ms"),
        "p99": Key(AMOUNT, "99 of 100 answers take less, in ms"),
        "seed": Key(COUNT, "of the draws; default: 1"),
    },
    required=("median", "p99"),
)

UPSTREAM = Table(
    {
        "delay_ms": Key(OneOf((AMOUNT, LONG_TAIL)), "how long each answer takes: a number, or drawn from a long tail"),
        "status": Key(STATUS, "the status that it answers; default: 200"),
        "json": Key(ANYTHING, "what it answers, as JSON"),
        "body": Key(TEXT, "what it answers, as it is"),
        "content_type": Key(TEXT, "of body; default: text/plain"),
        "fail_share": Key(AMOUNT, "the share of calls that are answered 503, from 0 to 1"),
        "hang_share": Key(AMOUNT, "the share of calls that are never answered, from 0 to 1"),
        "port": Key(COUNT, "a port that the app has built in; default: a free one"),
    },
    required=("delay_ms",),
)

STACK = Table(
    {
        "command": Key(
            TEXT_OR_TEXTS,
            "the server's command: {bin}, {prefix}, {port}, {backlog}, {folder}, {wsgi}, {wsgi_callable}, {asgi}",
        ),
        "requirements": Key(TEXTS, "the server's packages"),
        "interface": Key(Names(("WSGI", "ASGI")), "which of the app's callables it serves"),
        "waits_with": Key(Names(("threads", "greenlets", "event loop")), "how a worker waits"),
        "slots": Key(COUNT, "how many requests can be inside the view at once; default: no limit"),
        "workers": Key(COUNT, "how many processes it has; default: 1"),
        "server": Key(TEXT, "the server's name, as its package is called; default: the first requirement"),
        "summary": Key(TEXT, "what tables call it; default: its name"),
        "flags_from": Key(TEXT, "who recommends the flags"),
    },
    required=("command", "requirements", "interface", "waits_with"),
)

SERVICE = OneOf((Names(SERVICES), Table({"postgres": Key(TEXTS, "the names of several databases")})))

APP = Table(
    {
        "name": Key(TEXT, "what the results call the app; default: its folder's name"),
        "paths": Key(TEXTS, "pages that are asked for anonymously, right if 200"),
        "request": Key(ListOf(REQUEST), "pages with all that can be said of them"),
        "project": Key(TEXT, "the project's folder, relative to this file; default: this file's"),
        "settings": Key(TEXT, "the settings module; default: what manage.py and wsgi.py say, if they agree"),
        "wsgi": Key(OneOf((TEXT, Constant(value=False))), 'the callable, "mysite.wsgi:application"; false: none'),
        "asgi": Key(OneOf((TEXT, Constant(value=False))), 'the callable, "mysite.asgi:application"; false: none'),
        "manage": Key(TEXT, "a path to manage.py, or a command; default: the manage.py that is found"),
        "install": Key(TEXTS, 'what to install: files, ".", ".[extra]", names, "uv.lock --group prod"'),
        "python": Key(TEXTS, "which Pythons; default: all that requires-python allows"),
        "env": Key(_by_interface(VALUE, "variables"), "the app's environment, all of it"),
        "env_file": Key(TEXT, "a file with NAME=value lines, from which secrets are taken, too"),
        "secrets": Key(TEXTS, "names of variables taken from your environment, written in no result"),
        "override": Key(_by_interface(ANYTHING, "settings"), "settings, merged into the project's table by table"),
        "files": Key(
            Table(others=OneOf((TEXT, Table({"copy": Key(TEXT, "a file beside this one")}, ("copy",))))),
            "files put into the copy of the project",
        ),
        "services": Key(ListOf(SERVICE), "services that are started empty for the app"),
        "process": Key(ListOf(PROCESS), "other processes that must listen before the stack starts"),
        "upstream": Key(Table(others=UPSTREAM), "slow services that the app calls, stood in for; they fill {NAME.url}"),
        "setup": Key(TEXTS, 'steps: a management command, a Python file, or "$ " and a shell line'),
        "state": Key(TEXTS, "folders that the app writes into"),
        "host": Key(TEXT, "the Host header; default: the first of ALLOWED_HOSTS"),
        "https": Key(FLAG, "whether to claim https; default: SECURE_SSL_REDIRECT"),
        "ready": Key(
            Table({"path": Key(TEXT, "asked for until it answers"), "within": Key(AMOUNT, "seconds; default: 120")}),
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
        "rate": Key(AMOUNT, "requests per second at which stacks are compared; default: found by measuring"),
        "unloaded_ms": Key(AMOUNT, "how long a request takes when nothing else is asked; default: measured"),
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
