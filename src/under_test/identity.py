"""What a target says of what serves it: written by the target, read by the harness. Standard library only."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

IDENTITY_PATH = "/.stackmatrix/served-by/"
"""Where a target answers the harness's question what serves it; no application has this path."""
LOOP, PROCESS = "loop=1", "process=1"
"""Queries of it: the time of a fixed loop, too; and only which process answers, after that loop."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The interpreter that runs the application, with the fields of ``stackmatrix.results.types.PythonBuild``."""

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


@dataclass(frozen=True, slots=True)
class Identity:
    """The serving process. ``packages`` are all distributions, with versions.

    ``traits`` are what tells servers apart, as :mod:`under_test.traits` finds it. ``loop_ms`` is the time of a fixed
    loop of pure Python, where it was asked for.
    """

    python: Interpreter
    traits: list[str]
    interface: str
    event_loop: str | None
    pid: int
    waits_with: str
    monkey_patched: bool
    threads: int
    packages: dict[str, str]
    loop_ms: float | None = None

    @property
    def programs(self) -> set[str]:
        """The packages that are loaded, and the program that started the process."""
        return {trait.removeprefix("parent ").partition(".")[0].partition("-")[0] for trait in self.traits}

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
