"""The requests of an app's file, made into pages.

Only the standard library is imported, since the noxfile reads this.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.matrix.shapes import in_line

NUMBER = "n"
"""The name in braces that stands for another number each time."""

LONGEST_PATH = 4_000
"""In characters: servers take a line of four to eight thousand."""

_IN_BRACES = re.compile(r"\{([A-Za-z_][\w-]*)\}")


@dataclass(frozen=True, slots=True)
class Request:
    """A page as the file asks for it: what host, session and token it is sent with is known once the app is set up.

    ``csrf`` is whether it gets a token, which only what changes something needs. ``like`` is whether its answers
    have to be like the first one.
    """

    page: Page
    user: str | None = None
    csrf: bool = False
    like: bool = True


def requests_of(content: Mapping[str, Any]) -> tuple[Request, ...]:
    """All pages that a file asks for.

    Raises:
        AppFileError: when there is none, or one cannot be asked for.

    """
    given = [{"path": path} for path in content.get("paths", ())] + list(content.get("request", ()))
    if not given:
        raise AppFileError('nothing is requested; say paths = ["/"] or write a [[request]].')
    return _with_names_of_their_own([_request(one) for one in given])


def _request(given: Mapping[str, Any]) -> Request:
    path = path_of(given["path"], "request")
    if "weight" in given and not given["weight"] > 0:
        raise AppFileError(
            f"request {in_line(path)}: weight = {given['weight']} asks for it never; leave the request away."
        )
    values = _values(path, given.get("values", {}))
    body, content_type = _body(path, given)
    method = given.get("method", "GET" if body is None else "POST").upper()
    headers = [(name, value) for name, value in given.get("headers", {}).items()]
    headers += [("Accept", given["accept"])] if "accept" in given else []
    headers += [("Content-Type", content_type)] if content_type else []
    expect = given.get("expect", {})
    contains = expect.get("contains", ())
    return Request(
        Page(
            name=given.get("name", ""),
            path=path,
            weight=float(given.get("weight", 1)),
            method=method,
            headers=tuple(headers),
            body=body,
            values=values,
            expect=Expectation(
                status=expect.get("status", 200),
                contains=(contains,) if isinstance(contains, str) else tuple(contains),
                json=tuple(expect.get("json", {}).items()),
                location=expect.get("location"),
            ),
        ),
        user=given.get("user"),
        csrf=given.get("csrf", method not in {"GET", "HEAD", "OPTIONS", "TRACE"}),
        like=expect.get("like", True),
    )


def path_of(path: str, of: str) -> str:
    """A path as the file has it.

    Raises:
        AppFileError: for what is none, or cannot be sent.

    """
    if not path.startswith("/") or path.startswith("//"):
        raise AppFileError(f"{of} {in_line(path)}: a path begins with a slash, with neither scheme nor host.")
    if "#" in path:
        raise AppFileError(f"{of} {in_line(path)}: what follows a '#' is never sent; leave it away.")
    if len(path) > LONGEST_PATH:
        raise AppFileError(f"{of} {in_line(path)}: no server takes so long a path ({len(path)} characters).")
    return path


def _values(path: str, given: Mapping[str, Sequence[Any]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    for name in _IN_BRACES.findall(path):
        if name != NUMBER and not given.get(name):
            raise AppFileError(
                f"request {in_line(path)}: values says nothing for {{{name}}}; write values = {{ {name} = [1, 2, 3] }}"
            )
    return tuple((name, tuple(map(str, some))) for name, some in given.items())


def _body(path: str, given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The body of a request and its type."""
    kinds = [kind for kind in ("json", "form", "body") if kind in given]
    if len(kinds) > 1:
        raise AppFileError(f"request {in_line(path)}: it has {' and '.join(kinds)}, and a request has one body.")
    if "json" in given:
        return json.dumps(given["json"], ensure_ascii=False), "application/json"
    if "form" in given:
        return urlencode(given["form"], safe="{}"), "application/x-www-form-urlencoded"
    return given.get("body"), None


def _with_names_of_their_own(requests: Sequence[Request]) -> tuple[Request, ...]:
    """The requests with the names that results know them by, each another one."""
    named: dict[str, Request] = {}
    for request in requests:
        page = request.page
        short = page.name or (page.path if page.method == "GET" else f"{page.method} {page.path}")
        name = short if short not in named or request.user is None else f"{short} ({request.user})"
        number = 2
        while name in named:
            name, number = f"{short} ({number})", number + 1
        named[name] = replace(request, page=replace(page, name=name))
    return tuple(named.values())
