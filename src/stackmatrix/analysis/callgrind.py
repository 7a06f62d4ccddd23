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
    """A function, and the file name of the shared object or program that holds it."""

    object: str
    name: str


Costs = Counter[Function]
"""Instructions that each function executed itself."""


def parse(lines: Iterable[str]) -> Costs:
    """The self cost of each function in one dump.

    Raises:
        ValueError: when the parts do not add up to the total that the dump gives, so that it was not understood.

    """
    costs: Costs = Counter()
    names: dict[tuple[str, str], str] = {}
    here = {"ob": "", "fn": ""}
    function, is_call, total = Function("", ""), False, 0
    for line in lines:
        is_cost = re.match(r"[\d+*-]", line)
        if is_cost and is_call:
            is_call = False
        elif is_cost:
            costs[function] += int(line.partition(" ")[2] or 0)
        elif line.startswith("calls="):
            is_call = True
        elif found := _NAME.match(line):
            called, kind, number, name = found.groups()
            # A name is written out where it first occurs, also as that of a called function, then by its number.
            if number is not None and name:
                names[kind, number] = name
            if not called:
                here[kind] = name or names.get((kind, number or ""), "")
                # A function that calls itself has a number for each depth, as in "evaluate'2".
                function = Function(here["ob"].rpartition("/")[2], _RECURSION.sub("", here["fn"]))
        elif line.startswith("totals:"):
            total = int("".join(line.split()[1:2]) or 0)
    if total != costs.total():
        raise ValueError(f"the parts add up to {costs.total()} instructions, and the dump says {total}")
    return costs


def by_object(costs: Costs) -> Counter[str]:
    """The cost of each shared object."""
    objects: Counter[str] = Counter()
    for function, cost in costs.items():
        objects[function.object] += cost
    return objects
