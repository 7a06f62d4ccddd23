"""The axis of Pythons: interpreters, and what packages are overridden on them.

A place on the axis is a text, as in tables and result files: ``3.13``; ``3.14t`` for a free-threaded build;
``pypy3.11``; ``3.13@debug`` for an interpreter that was given by its path; ``3.13 with django==5.2.*`` where packages
are overridden; and ``3.13 of base`` or ``3.13 of head`` where the two sides of a comparison stand side by side. Only
the standard library is imported, so that the noxfile reads it with nothing installed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from stackmatrix.errors import UsageError

PYTHONS = ("3.12", "3.13", "3.14", "3.15")
"""What is measured unless other Pythons are named, oldest first; the harness itself runs on the oldest, too."""

FREE_THREADED = ("3.13t", "3.14t", "3.15t")
"""Builds without the GIL: only measured where they are named."""

BASE, HEAD = SIDES = ("base", "head")
"""The two sides of a comparison: what was, and what may take its place."""
WITH, OF = " with ", " of "
_INTERPRETER = re.compile(r"(pypy)?(\d+)\.(\d+)(t?)(?:@([\w.-]+))?")
_VERSIONS = r"(?:===|==|~=|!=|>=|<=|>|<)[\w.*+!-]+"
_OVERRIDE = re.compile(rf"([A-Za-z0-9][\w.-]*)(\[[\w,.-]+\])?({_VERSIONS}(?:,{_VERSIONS})*)")
_FILE_WORDS = {"===": "=", "==": "=", "~=": "-like-", "!=": "-not-", ">=": "-from-", "<=": "-to-"}
_FILE_WORDS |= {">": "-above-", "<": "-below-", "*": "x", "[": "-", "]": ""}


@dataclass(frozen=True, slots=True)
class Runtime:
    """One place on the axis: the interpreter as it is called in tables, and the requirements that replace others.

    ``side`` is that of a comparison, where it belongs to one.
    """

    interpreter: str
    overrides: tuple[str, ...] = ()
    side: str = ""

    def __str__(self) -> str:
        overridden = WITH + " ".join(self.overrides) if self.overrides else ""
        return self.interpreter + overridden + (OF + self.side if self.side else "")

    @classmethod
    def of(cls, place: str) -> "Runtime":
        """The runtime that a place on the axis names."""
        installed, _, side = place.partition(OF)
        interpreter, _, overrides = installed.partition(WITH)
        return cls(interpreter, tuple(overrides.split()) if overrides else (), side)

    @property
    def without_side(self) -> "Runtime":
        """What is installed: that does not depend on the side on which it stands."""
        return replace(self, side="")

    @property
    def version(self) -> str:
        """What the interpreter says it is, such as ``3.14t``."""
        return self.interpreter.partition("@")[0]

    @property
    def is_locked(self) -> bool:
        """Whether its environments are installed from a lock file as it is, on an interpreter that is known by name."""
        return self.interpreter in (*PYTHONS, *FREE_THREADED) and not self.overrides

    @property
    def is_plain(self) -> bool:
        """Whether it is the usual build of a CPython, with the packages as they are locked."""
        return self.interpreter.replace(".", "").isdecimal() and not self.overrides

    @property
    def is_free_threaded(self) -> bool:
        return self.version.endswith("t")

    @property
    def variant(self) -> str:
        """What it is beside its version: ``t``, ``pypy``, ``@debug``, its overrides, its side; empty if plain."""
        return str(replace(self, interpreter=re.sub(r"\d+\.\d+", "", self.interpreter, count=1)))

    @property
    def file_name(self) -> str:
        """A name that a file can have on every system."""
        return "+".join([self.interpreter, *map(_in_a_file, self.overrides), *([self.side] if self.side else [])])


def _in_a_file(override: str) -> str:
    for sign, word in _FILE_WORDS.items():
        override = override.replace(sign, word)
    return override


def python_key(place: str) -> tuple[int | str, ...]:
    """Orders places by age: free-threaded builds, others of the same version and overrides after the plain one."""
    runtime = Runtime.of(place)
    found = _INTERPRETER.fullmatch(runtime.interpreter)
    if found is None:
        return (0, 0, "", "", place, "", "")
    pypy, major, minor, threads, name = (part or "" for part in found.groups())
    return (int(major), int(minor), pypy, threads, name, " ".join(runtime.overrides), runtime.side)


def newest_key(place: str) -> tuple[bool | int | str, ...]:
    """Orders places for what is said of the newest one alone: a plain build stands before all others.

    Where there is none, one with the packages as they are locked stands before those with others. Of a comparison's two
    sides it is the base.
    """
    runtime = Runtime.of(place)
    return (runtime.side != HEAD, runtime.is_plain, not runtime.overrides, *python_key(place))


def plain_before(place: str, places: Iterable[str]) -> str | None:
    """The place that one is compared with: it without its overrides, else the plain build of its version, or before."""
    runtime, known = Runtime.of(place), set(places) - {place}
    if runtime.overrides:
        return runtime.interpreter if runtime.interpreter in known else None
    older = [one for one in known if Runtime.of(one).is_plain and python_key(one)[:2] <= python_key(place)[:2]]
    return max(older, key=python_key, default=None)


def parse_overrides(text: str) -> tuple[str, ...]:
    """The requirements of one ``--with``, such as ``django==5.2.*``; several are separated by spaces.

    Raises:
        UsageError: for what is no requirement with a version.

    """
    overrides = []
    for word in text.split():
        found = _OVERRIDE.fullmatch(word)
        if found is None:
            raise UsageError(f"--with {text!r} is no package with a version: write --with 'django==5.2.*'.")
        overrides.append(re.sub(r"[-_.]+", "-", found[1]).lower() + (found[2] or "") + found[3])
    if not overrides:
        raise UsageError("--with names no package: write --with 'django==5.2.*'.")
    return tuple(sorted(overrides))
