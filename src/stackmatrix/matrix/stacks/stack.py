"""One row of the table of stacks."""

from dataclasses import dataclass
from typing import Literal

BACKLOG = 2048
"""The listen queue of every target, in connections: what Gunicorn and Uvicorn have by default. A stack with a shorter
one would lose visitors that another makes wait."""

Interface = Literal["WSGI", "ASGI"]
WaitModel = Literal["threads", "greenlets", "event loop"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A server with its flags, and what verification expects the running target to say of itself.

    ``command`` is an argument list in which ``{bin}`` is the environment's folder of programs, ``{prefix}`` the
    environment, ``{port}`` the port, ``{backlog}`` the length of the listen queue, and ``{wsgi}`` and ``{asgi}`` the
    application. ``flags_from`` says, as a sentence, who recommends these flags. ``slots`` is how many requests can
    be inside the view at once; ``None`` means that the server sets no limit. ``port`` is where ``serve`` puts it.
    ``watch`` is added by ``serve`` only, so that a measured target pays nothing for it, and ``patience`` where
    instructions are counted, which makes the server some fifty times slower.
    """

    name: str
    summary: str
    port: int
    server: str
    requirements: tuple[str, ...]
    interface: Interface
    waits_with: WaitModel
    slots: int | None
    command: tuple[str, ...]
    flags_from: str = ""
    monkey_patched: bool = False
    needs_compiler: bool = False
    stats_port: int | None = None
    watch: tuple[str, ...] = ()
    patience: tuple[str, ...] = ()
    is_seed: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        """The names by which groups of stacks are chosen; ``seed`` is the demo that the project began with."""
        waits = {"threads": "threads", "greenlets": "gevent", "event loop": "asyncio"}
        return ("all", *(["seed"] if self.is_seed else []), self.interface.lower(), waits[self.waits_with])
