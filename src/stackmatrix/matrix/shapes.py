"""Shapes of the values in an app's file. Each one checks a value, and describes itself for the JSON schema.

Only the standard library is imported, since the noxfile reads this.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, Protocol

from stackmatrix.errors import AppFileError


class Shape(Protocol):
    """What a value must look like. ``name`` follows "is not" in a sentence."""

    @property
    def name(self) -> str: ...

    def check(self, value: Any, where: str) -> None:
        """Make sure that a value has this shape; ``where`` is its key, with the tables that it stands in.

        Raises:
            AppFileError: where it has not, in a sentence without the file's name.

        """

    def schema(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Plain:
    """One text, flag or date. A text matches the ``pattern`` as a whole."""

    name: str
    types: tuple[type, ...]
    json: dict[str, Any]
    pattern: str | None = None

    def check(self, value: Any, where: str) -> None:
        if type(value) not in self.types:  # a flag is a whole number, too, and a time a date
            raise AppFileError(f"{where} = {shown(value)} is not {self.name}.")
        if isinstance(value, str):
            _need_whole(value, where)
            if self.pattern is not None and not re.fullmatch(self.pattern, value):
                if not value.strip():
                    raise AppFileError(f"{where} is empty.")
                raise AppFileError(f"{where} = {shown(value)} is not {self.name}.")

    def schema(self) -> dict[str, Any]:
        return dict(self.json) if self.pattern is None else {**self.json, "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two others, both included."""

    least: float
    most: float
    is_whole: bool = False

    @property
    def name(self) -> str:
        return f"a {'whole ' if self.is_whole else ''}number from {self.least:g} to {self.most:.12g}"

    def check(self, value: Any, where: str) -> None:
        types = int if self.is_whole else (int, float)
        # What is not a number at all (nan) lies between no two.
        if not isinstance(value, types) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise AppFileError(f"{where} = {shown(value)} is not {self.name}.")

    def schema(self) -> dict[str, Any]:
        return {"type": "integer" if self.is_whole else "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Nested:
    """Any value whose parts can all be written elsewhere: as Python, where ``has_dates``, or as JSON."""

    has_dates: bool = False

    @property
    def name(self) -> str:
        return "a value" if self.has_dates else "a value that JSON has"

    def check(self, value: Any, where: str) -> None:
        if isinstance(value, dict | list):
            for key, one in value.items() if isinstance(value, dict) else enumerate(value):
                _need_whole(str(key), where)
                self.check(one, f"{where}.{in_line(str(key))}")
            return
        if isinstance(value, str):
            _need_whole(value, where)
        has_it = isinstance(value, str | int | float) or self.has_dates
        if not has_it or (isinstance(value, float) and not math.isfinite(value)):
            raise AppFileError(f"{where} = {shown(value)} is not {self.name}.")

    def schema(self) -> dict[str, Any]:
        return {}


def shown(value: Any) -> str:
    """A value in a sentence, which a long one would burst."""
    text = str(value) if isinstance(value, float) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def in_line(text: str) -> str:
    """A text as a part of a sentence: in one line, and not too long."""
    return shown(text)[1:-1]


def _need_whole(text: str, where: str) -> None:
    """No file name, variable, header or argument can have a NUL: it ends them."""
    if "\0" in text:
        raise AppFileError(f"{where} = {shown(text)} has a NUL character.")


LONGEST_SHOWN = 80

TEXT = Plain("a text", (str,), {"type": "string"}, r"(?s:.*\S.*)")
FREE_TEXT = Plain("a text", (str,), {"type": "string"})
FILE = Plain("the name of a file or a folder", (str,), {"type": "string"}, r"(?s:(?!.*[^/]{256})(?=.*\S).{1,1000})")
HEADER = Plain("one line of the letters that a header can have", (str,), {"type": "string"}, r"[ -~\t\u00a0-\u00ff]*")
TOKEN = Plain("a word that HTTP knows as one", (str,), {"type": "string"}, r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
FLAG = Plain("true or false", (bool,), {"type": "boolean"})
PERCENT = Plain('a percentage such as "8%"', (str,), {"type": "string"}, r"\d{1,3}(\.\d{1,6})?\s?%")
DAY = Plain("a date such as 2026-12-31, without quotation marks", (date,), {"type": "string", "format": "date"})
PORT = Number(1, 65535, is_whole=True)
STATUS = Number(100, 599, is_whole=True)
VALUE = Plain("a text or a number", (str, int, float), {"type": ["string", "number"]})
SETTING, JSON = Nested(has_dates=True), Nested()
NAME = r"[A-Za-z][\w-]*"
"""Of what fills variables in braces, as a pattern."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Exactly this value."""

    value: Any

    @property
    def name(self) -> str:
        return str(self.value).lower()

    def check(self, value: Any, where: str) -> None:
        if value is not self.value:
            raise AppFileError(f"{where} = {shown(value)} is not {self.name}.")

    def schema(self) -> dict[str, Any]:
        return {"const": self.value}


@dataclass(frozen=True, slots=True)
class Names:
    """One of some names; any other is answered with the nearest."""

    names: tuple[str, ...]
    name: str = "a name"

    def check(self, value: Any, where: str) -> None:
        if value not in self.names:
            raise AppFileError(f"{where} has {shown(value)}{_nearest(str(value)[:LONGEST_SHOWN], self.names)}")

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.names)}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least so many items, which all have one shape."""

    item: Shape
    least: int = 0
    name: str = "a list"

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise AppFileError(f"{where} = {shown(value)} is not a list.")
        if len(value) < self.least:
            raise AppFileError(f"{where} is empty.")
        for one in value:
            self.item.check(one, where)

    def schema(self) -> dict[str, Any]:
        described: dict[str, Any] = {"type": "array", "items": self.item.schema()}
        return {**described, "minItems": self.least} if self.least else described


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of some shapes."""

    shapes: tuple[Shape, ...]

    @property
    def name(self) -> str:
        return " or ".join(shape.name for shape in self.shapes)

    def check(self, value: Any, where: str) -> None:
        # A list, a table or a name is told what is wrong inside of it.
        kinds: dict[type, type] = {list: ListOf, dict: Table, str: Names if self._has_names else Plain}
        kind = kinds.get(type(value))
        for shape in self.shapes:
            if kind is not None and isinstance(shape, kind):
                shape.check(value, where)
                return
        if not any(_has(shape, value, where) for shape in self.shapes):
            raise AppFileError(f"{where} = {shown(value)} is not {self.name}.")

    @property
    def _has_names(self) -> bool:
        return any(isinstance(shape, Names) for shape in self.shapes)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [shape.schema() for shape in self.shapes]}


def _has(shape: Shape, value: Any, where: str) -> bool:
    try:
        shape.check(value, where)
    except AppFileError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: the shape of its value, and what it says, as the schema and an editor show it."""

    shape: Shape
    summary: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with known keys, of which some must be there; ``others`` is the shape of keys that may have any name.

    Such a name matches ``names`` as a whole. ``title`` is a key whose value names the table in sentences.
    """

    keys: Mapping[str, Key] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    others: Shape | None = None
    names: str = r"[^\0]+"
    title: str | None = None
    name: str = "a table"

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise AppFileError(f"{where or 'this'} = {shown(value)} is not a table.")
        title = value.get(self.title) if self.title else None
        place = f"{where} {in_line(title)}" if isinstance(title, str) else where
        for key, one in value.items():
            known = self.keys.get(key)
            if known is None and self.others is None:
                prefix = f"{place}: " if place else ""
                raise AppFileError(f"{prefix}there is no key {shown(key)}{_nearest(key, tuple(self.keys))}")
            if known is None and not re.fullmatch(self.names, key):
                raise AppFileError(f"{place} has {shown(key)}, which cannot be the name of anything there.")
            shape = self.others if known is None else known.shape
            assert shape is not None
            shape.check(one, _below(where, place, key))
        for key in self.required:
            if key not in value:
                raise AppFileError(f"{place}: {key} is missing.")

    def schema(self) -> dict[str, Any]:
        properties = {name: {**key.shape.schema(), "description": key.summary} for name, key in self.keys.items()}
        others = False if self.others is None else self.others.schema()
        described: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": others}
        return {**described, "required": list(self.required)} if self.required else described


def _below(where: str, place: str, key: str) -> str:
    """The name of a key in a table: ``env.KEY``, or ``request /x/: json`` where the table has a title."""
    if not where:
        return in_line(key)
    return f"{place}: {in_line(key)}" if place != where else f"{where}.{in_line(key)}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; do you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}."
