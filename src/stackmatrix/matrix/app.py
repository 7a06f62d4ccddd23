"""The application under test. The built-in site is the first one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """Where an application's callables are, as ``module:callable``, and what it needs.

    A target serves it wrapped (``src/under_test``), so that it can be asked what serves it; one that is a server itself
    is not ``wrapped``. ``requirements`` are what its environments hold beside a server.
    """

    name: str
    wsgi: str
    asgi: str
    requirements: tuple[str, ...]
    wrapped: bool = True


BUILT_IN = App(
    name="fanout_site",
    wsgi="fanout_site.wsgi:application",
    asgi="fanout_site.asgi:application",
    requirements=("django", "httpx"),
)
