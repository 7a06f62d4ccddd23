"""Reads what callgrind dumps: instructions by shared object and function. Pure.

The format is described in valgrind's manual, "Callgrind Format Specification". Only self cost is read: what a call cost
stands behind its ``calls=`` line and is the self cost of what was called. The total is ``totals``: ``summary`` leaves
out what was executed by threads that have ended, and a view with a thread pool ends three with every request.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(r"(c?)(ob|fn)=(?:\((\d+)\))? ?(.*)")
"""``ob`` and ``fn`` say what the following costs are of; behind a ``c`` they say what is called from there."""
_RECURSION = re.compile(r"'\d+$")


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """A function by its name, and the shared object or program that it is in, by the last part of its path."""

    object: str
    name: str


Costs = Counter[Function]
"""Instructions that each function executed itself."""


class _Reader:
    """Goes through the lines of one dump."""

    def __init__(self) -> None:
        self.costs: Costs = Counter()
        self.told = 0
        self._names: dict[tuple[str, str], str] = {}
        self._here = {"ob": "", "fn": ""}
        self._function = Function("", "")
        self._is_call = False

    def read(self, line: str) -> None:
        """One line: a cost, the cost of a call, a name, or what is not needed here."""
        if line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            if not self._is_call:
                self.costs[self._function] += int(line.partition(" ")[2] or 0)
            self._is_call = False
        elif line.startswith("calls="):
            self._is_call = True
        elif found := _NAME.match(line):
            self._note_name(*found.groups())
        elif line.startswith("totals:"):
            self.told = int(line.split()[1])

    def _note_name(self, called: str, kind: str, number: str | None, name: str) -> None:
        """A name is written out where it comes first, be it as that of something called, and then by its number."""
        if number is not None and name:
            self._names[kind, number] = name
        if not called:
            self._here[kind] = name or self._names.get((kind, number or ""), "")
            # A function that calls itself is told apart from itself, as in "evaluate'2".
            self._function = Function(self._here["ob"].rpartition("/")[2], _RECURSION.sub("", self._here["fn"]))


def parse(lines: Iterable[str]) -> Costs:
    """The self cost of each function in one dump.

    Raises:
        ValueError: when the parts do not add up to the total that the dump gives, so that it was not understood.

    """
    reader = _Reader()
    for line in lines:
        reader.read(line)
    if reader.told != reader.costs.total():
        raise ValueError(f"the parts add up to {reader.costs.total()} instructions, and the dump says {reader.told}")
    return reader.costs


def by_object(costs: Costs) -> Counter[str]:
    """The cost of each shared object."""
    objects: Counter[str] = Counter()
    for function, cost in costs.items():
        objects[function.object] += cost
    return objects
