"""What the objects of a result file are made of: the base of all structs, the units, and the words."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

LARGEST, LARGEST_COUNT = 1e15, 2**53
"""Beyond these no figure of ours can be, and their sums and squares would be none: 2**53 is a number in every tool."""

Share = Annotated[float, Meta(ge=0, le=LARGEST, description="CPU time over wall time: 1 is one core")]
NonNegative = Annotated[float, Meta(ge=0, le=LARGEST)]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Count = Annotated[int, Meta(ge=0, le=LARGEST_COUNT)]
Whole = Annotated[int, Meta(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]

Limiter = Literal["users", "slots", "target-cpu", "database", "services", "generator", "external-api", "unknown"]
Validity = Literal["valid", "invalid", "not_needed"]
State = Literal["ok", "failed", "skipped", "excluded", "unstable"]


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything in a result file."""


class PythonBuild(Struct, frozen=True):
    """The target's interpreter, as the serving process described itself (METHOD: what a Python is).

    ``origin`` is who built it: ``uv``, ``pyenv``, ``distribution`` or ``other``. ``pgo`` and ``lto`` are ``None`` where
    the build does not tell. ``shared`` says whether the process runs a shared libpython, as it is mapped, ``None``
    where the system does not show it. ``jit`` is ``None`` where the version has none. ``gil`` is how it serves:
    an extension may have turned it on in a build that is ``free_threaded``. ``slowed_by`` is what makes it slower than
    a build that is for use: that it is a debug build, assertions, a tracer in the process, and the like.
    """

    version: str
    implementation: str
    compiler: str
    origin: str
    pgo: bool | None
    lto: bool | None
    shared: bool | None
    gil: bool
    jit: bool | None
    free_threaded: bool = False
    slowed_by: tuple[str, ...] = ()
