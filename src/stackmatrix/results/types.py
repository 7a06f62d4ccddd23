"""What the objects of a result file are made of: the base of all structs, the units, and the words."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, description="CPU time over wall time: 1 is one core")]
NonNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]

Limiter = Literal["users", "slots", "target-cpu", "generator", "external-api", "unknown"]
Validity = Literal["valid", "invalid", "not_needed"]
State = Literal["ok", "failed", "skipped", "unstable"]


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything in a result file."""


class PythonBuild(Struct, frozen=True):
    """The target's interpreter, as the serving process described itself.

    It is ``optimised`` when it was configured with ``--enable-optimizations``; a distribution may have optimised one
    that was not, by means of its own.
    """

    version: str
    implementation: str
    compiler: str
    optimised: bool
    gil: bool


class Part(Struct, frozen=True, kw_only=True):
    """What every part of a file has that is measured apart from the cell's trials.

    ``python`` and ``lock_sha256`` are what it was made with; ``failure`` says why it ended early.
    """

    started: str
    duration_s: NonNegative
    git_commit: str | None
    python: PythonBuild | None
    lock_sha256: str
    failure: str | None = None

    @property
    def has_figures(self) -> bool:
        """Whether anything was measured that may be shown."""
        raise NotImplementedError
