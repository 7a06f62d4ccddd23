"""Shapes of the values in an app's file. Each one checks a value, and describes itself for the JSON schema.

Only the standard library is imported, since the noxfile reads this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """One text, number or flag."""

    name: str
    types: tuple[type, ...]
    json: dict[str, Any]
    at_least: float | None = None

    def check(self, value: Any, where: str) -> None:
        is_one = isinstance(value, self.types) and (
            not isinstance(value, bool) or bool in self.types or object in self.types
        )
        if not is_one or (self.at_least is not None and value < self.at_least):
            raise AppFileError(f"{where} = {value!r} is not {self.name}.")

    def schema(self) -> dict[str, Any]:
        return dict(self.json)


TEXT = Plain("a text", (str,), {"type": "string"})
FLAG = Plain("true or false", (bool,), {"type": "boolean"})
COUNT = Plain("a whole number from 1 on", (int,), {"type": "integer", "minimum": 1}, 1)
STATUS = Plain("a status such as 200", (int,), {"type": "integer", "minimum": 100, "maximum": 599}, 100)
AMOUNT = Plain("a number from 0 on", (int, float), {"type": "number", "minimum": 0}, 0)
VALUE = Plain("a text or a number", (str, int, float), {"type": ["string", "number"]})
ANYTHING = Plain("a value", (object,), {})


@dataclass(frozen=True, slots=True)
class Constant:
    """Exactly this value."""

    value: Any

    @property
    def name(self) -> str:
        return str(self.value).lower()

    def check(self, value: Any, where: str) -> None:
        if value is not self.value:
            raise AppFileError(f"{where} = {value!r} is not {self.name}.")

    def schema(self) -> dict[str, Any]:
        return {"const": self.value}


@dataclass(frozen=True, slots=True)
class Names:
    """One of some names; any other is answered with the nearest."""

    names: tuple[str, ...]
    name: str = "a name"

    def check(self, value: Any, where: str) -> None:
        if value not in self.names:
            raise AppFileError(f"{where} has {value!r}{_nearest(str(value), self.names)}")

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.names)}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items all have one shape."""

    item: Shape
    name: str = "a list"

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise AppFileError(f"{where} = {value!r} is not a list.")
        for one in value:
            self.item.check(one, where)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of some shapes."""

    shapes: tuple[Shape, ...]

    @property
    def name(self) -> str:
        return " or ".join(shape.name for shape in self.shapes)

    def check(self, value: Any, where: str) -> None:
        # A list, a table or a name is told what is wrong inside of it.
        kinds: dict[type, type] = {list: ListOf, dict: Table, str: Names}
        kind = kinds.get(type(value))
        for shape in self.shapes:
            if kind is not None and isinstance(shape, kind):
                shape.check(value, where)
                return
        if not any(_has(shape, value, where) for shape in self.shapes):
            raise AppFileError(f"{where} = {value!r} is not {self.name}.")

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

    ``title`` is a key whose value names the table in sentences.
    """

    keys: Mapping[str, Key] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    others: Shape | None = None
    title: str | None = None
    name: str = "a table"

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise AppFileError(f"{where} = {value!r} is not a table.")
        title = value.get(self.title) if self.title else None
        place = f"{where} {title}" if isinstance(title, str) else where
        for key, one in value.items():
            known = self.keys.get(key)
            if known is None and self.others is None:
                prefix = f"{place}: " if place else ""
                raise AppFileError(f"{prefix}there is no key {key!r}{_nearest(key, tuple(self.keys))}")
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
        return key
    return f"{place}: {key}" if place != where else f"{where}.{key}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; do you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}."
