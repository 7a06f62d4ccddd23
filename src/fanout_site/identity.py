"""What an application under test says of what serves it: written by the site, read by the harness. No dependencies."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The interpreter that runs the application.

    It is ``optimised`` when it was configured with ``--enable-optimizations``, the flag that makes a build of CPython
    representative of what distributions ship.
    """

    version: str
    implementation: str
    compiler: str
    optimised: bool
    gil: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """The serving process. ``servers`` are those that are loaded, ``packages`` all distributions, with versions."""

    python: Interpreter
    servers: dict[str, str | None]
    interface: str
    event_loop: str | None
    pid: int
    waits_with: str
    monkey_patched: bool
    threads: int
    packages: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The identity in a response's body.

        Raises:
            ValueError, TypeError, KeyError: when it is none.

        """
        content = json.loads(text)
        return cls(**{**content, "python": Interpreter(**content["python"])})
