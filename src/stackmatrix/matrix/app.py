"""The application under test. The built-in site is the first one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """Where servers find an application, and what it needs.

    ``asgi_sync`` is its ASGI application with sync views, for stacks that serve those; empty for an application that
    has one for all. ``identity_path`` is the page on which it says what serves it, as
    :class:`fanout_site.identity.Identity` has it; ``None`` for one that does not. ``requirements`` are what its
    environments hold beside a server.
    """

    name: str
    wsgi: str
    asgi: str
    identity_path: str | None
    requirements: tuple[str, ...]
    asgi_sync: str = ""


BUILT_IN = App(
    name="fanout_site",
    wsgi="fanout_site.wsgi",
    asgi="fanout_site.asgi:application",
    identity_path="/served-by/",
    requirements=("django", "httpx"),
    asgi_sync="fanout_site.asgi_sync_view:application",
)
