"""The application under test. The built-in site is the first one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """Where servers find an application, and what it needs.

    ``identity_path`` is the page on which it says what serves it, as :class:`fanout_site.identity.Identity` has it;
    ``None`` for one that does not. ``requirements`` are what its environments hold beside a server, and
    ``from_source`` those of all packages in them that are built here and not taken as they were published.
    """

    name: str
    wsgi: str
    asgi: str
    identity_path: str | None
    requirements: tuple[str, ...]
    from_source: tuple[str, ...] = ()


BUILT_IN = App(
    name="fanout_site",
    wsgi="fanout_site.wsgi",
    asgi="fanout_site.asgi:application",
    identity_path="/served-by/",
    requirements=("django", "httpx", "aiohttp", "niquests", "urllib3"),
    # As published, this one, which niquests needs, takes urllib3's place at the start of every Python. A build of it
    # can be told not to; see the noxfile.
    from_source=("urllib3-future",),
)
