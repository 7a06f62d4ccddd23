"""The application under test. The built-in site is the first one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Arranged(Protocol):
    """Where a target of an application starts, and all of its variables; ``secrets`` names those that are."""

    @property
    def cwd(self) -> Path: ...

    @property
    def environment(self) -> Mapping[str, str]: ...

    @property
    def secrets(self) -> Collection[str]: ...


@dataclass(frozen=True, slots=True)
class Database:
    """What limits the use of one of an application's databases.

    ``allowed`` is how many connections it takes, ``None`` for one that has no such limit, and ``kept_s`` is for how
    long a connection stays after a request, ``None`` for ever.
    """

    alias: str
    allowed: int | None
    kept_s: float | None


class Arranger(Protocol):
    """Gives each target of an application a place of its own, as the set-up left it."""

    def arrange(self, interface: str, name: str) -> Arranged: ...

    def databases(self, interface: str) -> Sequence[Database]:
        """Those that stacks of an interface use."""


@dataclass(frozen=True, slots=True)
class App:
    """Where an application's callables are, as ``module:callable``, and what it needs.

    A target serves it wrapped (``src/under_test``), so that it can be asked what serves it; one that is a server itself
    is not ``wrapped``. ``asgi_sync`` is its ASGI application with sync views, for stacks that serve those; empty for an
    application that has one for all. ``requirements`` are what its environments hold beside a server, and
    ``from_source`` names those of all packages in them that are built here and not taken as they were published.

    Targets of somebody's own application have places that its ``arranger`` makes, and ``sha256`` is the hash of its
    files; the built-in site needs neither. A target of it is ready once it answers at ``ready_path``, which may take so
    many seconds. Where it ``claims_https``, its requests say in a header that they came by it. ``api_port`` is where it
    has an external API of its own, whose figures then count.
    """

    name: str
    wsgi: str
    asgi: str
    requirements: tuple[str, ...]
    wrapped: bool = True
    asgi_sync: str = ""
    from_source: tuple[str, ...] = ()
    arranger: Arranger | None = field(default=None, compare=False, repr=False)
    sha256: str | None = None
    ready_path: str | None = None
    ready_within_s: float = 0.0
    claims_https: bool = False
    api_port: int | None = None


BUILT_IN = App(
    name="fanout_site",
    wsgi="fanout_site.wsgi:application",
    asgi="fanout_site.asgi:application",
    requirements=("django", "httpx", "aiohttp", "niquests", "urllib3"),
    asgi_sync="fanout_site.asgi_sync_view:application",
    # As published, this one, which niquests needs, takes urllib3's place at the start of every Python. A build of it
    # can be told not to; see the noxfile.
    from_source=("urllib3-future",),
)
