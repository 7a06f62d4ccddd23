"""Hostile input for property tests: bytes that are broken, texts that do something, and valid documents spoilt.

``fuzzed`` is few examples, always the same, unless pytest is run with ``--hypothesis-profile=long``: then it is as many
as ``STACKMATRIX_EXAMPLES`` says, and new ones each time.
"""

import copy
import json
import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from stackmatrix.errors import ResultFileError, StackmatrixError
from stackmatrix.outside.text import visible
from stackmatrix.system.processes import PROJECT

LONG = "long"
settings.register_profile(
    LONG,
    max_examples=int(os.environ.get("STACKMATRIX_EXAMPLES", "5000")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


def fuzzed(examples: int = 25) -> settings:
    """How much a property is tried."""
    if settings.get_current_profile_name() == LONG:
        return settings()
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )


TEXTS = (
    "",
    " ",
    "..",
    "../../x",
    "a/b",
    "/etc/passwd",
    "a\0b",
    "two\nlines",
    "\r\n",
    "x" * 300,
    "\u202ereversed\u202c",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
    "\x9b31m",
    "\x7f",
    "<script>alert(1)</script>",
    "</script><!--",
    "</td></details>",
    "<img src=x onerror=alert(1)>",
    "<!-- marker -->",
    "a|b",
    "\\|",
    "`code`",
    "```",
    "**bold**",
    "_it_",
    "~~gone~~",
    "[link](https://evil.example)",
    "![image](x)",
    "[[x]]",
    "# Heading",
    "- item",
    "1. item",
    "> quote",
    "| x | y |",
    "---",
    "$math$",
    "@octocat",
    "org/repo#12",
    "GH-13",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "Signed-off-by: Somebody <a@b.c>",
    "::error::no",
    "##[add-mask]x",
    "javascript:alert(1)",
    "{{x}}",
    "{0.__class__}",
    "%s%n",
    "\u2028",
    "\ufeff",
    "\u200b",
    "\u00a0",
    "漢字",
    "é",
    "\U0001f600",
    "NaN",
    "1e400",
    "-0",
    "null",
    "\0block 0",
    "3.13 with a==1",
    "3.13 of base",
    "python",
)
"""What is known to do something somewhere."""

texts = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=40),
    st.builds("".join, st.lists(st.sampled_from(TEXTS), min_size=2, max_size=3)),
)
"""Texts of anybody's; half a character (a surrogate) is in none, since no file of UTF-8 has one."""

numbers = st.one_of(
    st.sampled_from([0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**30, 10**400, -(10**30)]),
    st.sampled_from([0.0, -0.0, 1e-320, 5e-324, 1e-15, 0.1, 1e15, 1e16, 1e308, -1e308]),
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
    st.integers(-10, 1000),
    st.floats(allow_nan=False, allow_infinity=False),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    leaves, lambda one: st.one_of(st.lists(one, max_size=3), st.dictionaries(texts, one, max_size=3)), max_leaves=6
)
"""Anything that JSON can hold, and numbers that it cannot."""

noise = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"", b"{", b"[]", b"null", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000,
            b'"\xed\xa0\x80"', b'{"a": 1e400}', b"\0" * 100, b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b"a=1\na=2",
            b"\x1b[31m\n" * 10, b"Traceback (most recent call last):\n", b"<title" * 1000,
        ]
    ),
)  # fmt: skip
"""Bytes that are no document at all."""


def spoilt(valid: Any, *, alike: bool = False) -> st.SearchStrategy[Any]:
    """A valid document of JSON with one to three of its values replaced, taken away, doubled or renamed.

    With ``alike`` values are only replaced by others of their type, and lists made shorter or longer: most can be read.
    """
    ways = ("like", "like", "like", "remove", "add") if alike else ("replace", "replace", "like", "remove", "add")
    places = list(_places(valid))

    @st.composite
    def spoil(draw: Callable[..., Any]) -> Any:
        document = copy.deepcopy(valid)
        for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
            parent, key = _at(document, place[:-1]), place[-1]
            try:
                match draw(st.sampled_from(ways)):
                    case "replace":
                        parent[key] = draw(values)
                    case "like":  # what has the right type, and another value
                        parent[key] = draw(_like(parent[key]))
                    case "remove":
                        del parent[key]
                    case _ if isinstance(parent, list):
                        parent.append(copy.deepcopy(parent[key]))
                    case _:
                        parent[draw(texts)] = draw(values)
            except (KeyError, IndexError, TypeError):
                continue  # what it was in has been replaced before
        return document

    return spoil()


def _like(value: Any) -> st.SearchStrategy[Any]:
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.one_of(st.sampled_from([0, 1, 2**31, 2**53]), st.integers(0, 1000), numbers)
    if isinstance(value, float):
        return st.one_of(st.sampled_from([0.0, 5e-324, 1e-300, 1e-15, 0.1, 1e15]), st.floats(0, 1e4), numbers)
    return texts if isinstance(value, str) else values


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value[:4]):
            yield from _places(one, (*path, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def as_json(document: Any) -> bytes:
    """A document as bytes, with the numbers that JSON does not have as Python writes them."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def cut(data: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that end early, or have some of them changed."""

    def change(place: int, other: bytes, length: int) -> bytes:
        return data[:place] + other + data[place + length :]

    places = st.integers(0, len(data))
    return st.one_of(places.map(lambda place: data[:place]), st.builds(change, places, st.binary(max_size=3), places))


def survives(read: Callable[[], object]) -> None:
    """Read something: it is there, or an error of the project says why it is not.

    Of a file of results it does so in one printable sentence, which pages show, too; others are for the terminal alone.
    """
    try:
        read()
    except StackmatrixError as error:
        told = str(error)
        assert told.strip()
        assert len(told) < 5000
        need_text(told if isinstance(error, ResultFileError) else visible(told))


def need_text(shown: str, allowed: str = "\n") -> None:
    """Make sure that nothing in a text moves a cursor, ends a line, or turns the direction of writing."""
    found = {sign for sign in shown if unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {*allowed}
    assert not found, f"{found!r} in {shown[:200]!r}"


COMMITTED = sorted((PROJECT / "results").glob("*/*/*/*.json"))


def committed(count: int = 4) -> list[Path]:
    """Some of the result files that are committed, of as many kinds of measurement as there are, small ones."""
    found: dict[tuple[str, ...], Path] = {}
    for path in sorted(COMMITTED, key=lambda one: (one.stat().st_size, str(one))):
        kinds = tuple(
            sorted(key for key, value in json.loads(path.read_text()).items() if isinstance(value, list) and value)
        )
        found.setdefault(kinds, path)
    return sorted(found.values(), key=lambda one: -len(json.loads(one.read_text())))[:count]
