"""One row of the table of stacks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, get_args

BACKLOG = 2048
"""The listen queue of every target, in connections: what Gunicorn and Uvicorn have by default. A stack with a shorter
one would lose visitors that another makes wait."""

FIRST_PORT, FIRST_STATS_PORT = 8000, 3030
"""Where ``serve`` has the first stack of the table, and its statistics; the others follow."""

Interface = Literal["WSGI", "ASGI"]
WaitModel = Literal["threads", "greenlets", "event loop"]
View = Literal["sync", "async"]
Place = Literal["bin", "prefix", "port", "stats_port", "backlog", "folder", "wsgi", "wsgi_callable", "asgi"]
"""What is filled in between the braces of a command."""
PLACES: tuple[Place, ...] = get_args(Place)
COMMAND_PLACES = tuple(one for one in PLACES if one != "stats_port")
"""Those of a stack that is not watched, such as somebody's own."""


@dataclass(frozen=True, slots=True)
class SystemNeed:
    """What a stack needs of the system: one of some programs, or files; ``remedy`` says how to get it."""

    name: str
    programs: tuple[str, ...]
    remedy: str


COMPILER = SystemNeed(
    "a C compiler",
    ("cc", "gcc", "clang"),
    "Debian, Ubuntu: apt install build-essential; macOS: xcode-select --install",
)
NGINX = SystemNeed("nginx", ("nginx",), "Debian, Ubuntu: apt install nginx-light; macOS: brew install nginx")
APACHE = SystemNeed("Apache", ("apache2", "httpd"), "Debian, Ubuntu: apt install apache2-bin apache2-dev")
APXS = SystemNeed("Apache's apxs", ("apxs", "apxs2"), "Debian, Ubuntu: apt install apache2-dev")


@dataclass(frozen=True, slots=True)
class Variation:
    """The row ``stack`` that a row is like but for one thing, and that thing as it follows "with": ``uvloop``.

    Of one that people ask for, the first page says how it came out even where that is undecided.
    """

    stack: str
    by: str
    is_asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """A server with its flags, and what verification expects the running target to say of itself.

    ``command`` is an argument list in which ``{bin}`` is the environment's folder of programs, ``{prefix}`` the
    environment, ``{port}`` the port, ``{stats_port}`` that of its statistics, ``{backlog}`` the length of the listen
    queue, ``{folder}`` a private folder for what the target writes, in which file names begin with the port, and
    the application is ``{asgi}``, or ``{wsgi}``: the module alone, for a server that looks for ``application`` in it,
    or ``{wsgi_callable}``: ``module:application``. ``flags_from`` says, as a sentence, who recommends these flags: the
    server's documentation, its command line's help, or the demo that the project began with.

    ``server`` is the package that the serving process has loaded, or the program that started it. One of the standard
    library tells nothing: a server made of it in ``src/launchers`` is told by ``launchers``.

    ``slots`` is how many requests can be inside the view at once; ``None`` means that the server sets no limit.
    ``workers`` is how many processes serve. ``keeps_connections`` is whether a second request is answered on a
    connection. ``view`` is which of an application's views is served, where it is not that of the interface.

    ``traits`` are names of modules, classes and more, as :mod:`under_test.traits` has them: the serving process has
    all of them, and none of those by which other rows are told.

    ``varies`` names a row before it, from which it differs in one thing: the answer says what that thing costs.

    ``shares_with`` is the stack whose environment and lock file it has, too. ``needs`` is what has to be on the system,
    and ``not_on`` says of Pythons (a free-threaded one ends in ``t``) why it cannot run there, as observed.

    ``trusting`` follows the program where requests claim https in a header, for a server that takes away what visitors
    say of a proxy. ``watch`` is added by ``serve`` only, so that a measured target pays nothing for it, and
    ``patience`` where instructions are counted, which makes the server some fifty times slower. ``demo_place`` is its
    place in the demo that the project began with, whose stacks come first. ``port`` is where ``serve`` puts it: by its
    place in the table.
    """

    name: str
    summary: str
    server: str
    requirements: tuple[str, ...]
    interface: Interface
    waits_with: WaitModel
    slots: int | None
    command: tuple[str, ...]
    flags_from: str = ""
    traits: tuple[str, ...] = ()
    monkey_patched: bool = False
    workers: int = 1
    keeps_connections: bool = True
    view: View | None = None
    is_behind_nginx: bool = False
    varies: Variation | None = None
    shares_with: str | None = None
    needs: tuple[SystemNeed, ...] = ()
    not_on: Mapping[str, str] = field(default_factory=dict)
    trusting: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    patience: tuple[str, ...] = ()
    demo_place: int | None = None
    port: int = 0

    @property
    def is_seed(self) -> bool:
        return self.demo_place is not None

    @property
    def serves_views_of(self) -> Interface:
        """The interface whose views it serves."""
        return self.interface if self.view is None else "WSGI" if self.view == "sync" else "ASGI"

    @property
    def way(self) -> str:
        """The tag that says how a worker waits."""
        return {"threads": "threads", "greenlets": "gevent", "event loop": "asyncio"}[self.waits_with]

    @property
    def environment(self) -> str:
        """The stack that names its environment and lock file."""
        return self.shares_with or self.name

    @property
    def stats_port(self) -> int | None:
        """Where ``serve`` has its statistics; ``None`` for a server that has none."""
        return self.port - FIRST_PORT + FIRST_STATS_PORT if self.watch else None

    def why_not_its_server(self, programs: Collection[str]) -> str | None:
        """Why a process that has loaded these packages, or was started by them, is not its server; else ``None``."""
        module = self.server.lower().replace("-", "_")  # a distribution's name may stand for its package's
        if {self.server, module} & {*programs}:
            return None
        near = get_close_matches(module, programs, 1)
        hint = f"is it {near[0]!r}?" if near else "name a package that it has, other than the standard library's."
        return f"it has not loaded {self.server!r}, which its row has as server; {hint}"

    @property
    def tags(self) -> tuple[str, ...]:
        """The names by which groups of stacks are chosen; ``seed`` is the demo that the project began with."""
        told = {"seed": self.is_seed, "processes": self.workers > 1, "nginx": self.is_behind_nginx}
        given = (tag for tag, holds in told.items() if holds)
        return ("all", *given, self.interface.lower(), self.way)
