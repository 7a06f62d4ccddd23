"""The application under test. The built-in site is the first one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """Where an application's callables are, as ``module:callable``, and what it needs.

    A target serves it wrapped (``src/under_test``), so that it can be asked what serves it; one that is a server itself
    is not ``wrapped``. ``asgi_sync`` is its ASGI application with sync views, for stacks that serve those; empty for an
    application that has one for all. ``requirements`` are what its environments hold beside a server.
    """

    name: str
    wsgi: str
    asgi: str
    requirements: tuple[str, ...]
    wrapped: bool = True
    asgi_sync: str = ""


BUILT_IN = App(
    name="fanout_site",
    wsgi="fanout_site.wsgi:application",
    asgi="fanout_site.asgi:application",
    requirements=("django", "httpx"),
    asgi_sync="fanout_site.asgi_sync_view:application",
)
