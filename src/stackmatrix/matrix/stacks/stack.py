"""One row of the table of stacks."""

from dataclasses import dataclass
from typing import Literal

Interface = Literal["WSGI", "ASGI"]
WaitModel = Literal["threads", "greenlets", "event loop"]


@dataclass(frozen=True, slots=True)
class Stack:
    """A server with its flags, and what verification expects the running target to say of itself.

    ``command`` is an argument list in which ``{bin}`` is the environment's folder of programs, ``{prefix}`` the
    environment, ``{port}`` the port, and ``{wsgi}`` and ``{asgi}`` the application. ``slots`` is how many requests can
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
    monkey_patched: bool = False
    needs_compiler: bool = False
    stats_port: int | None = None
    watch: tuple[str, ...] = ()
    patience: tuple[str, ...] = ()
