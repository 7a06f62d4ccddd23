"""Caddy with Python processes, by caddysnake."""

from typing import Any

from stackmatrix.matrix.stacks.stack import Stack

# Caddy's own control is on a fixed port unless it is told another place, and what it keeps in the user's home folder.
PLACES = (
    "CADDY_ADMIN=unix/{folder}/{port}.admin XDG_CONFIG_HOME={folder}/{port}.caddy XDG_DATA_HOME={folder}/{port}.caddy"
)
COMMAND = f"env {PLACES} {{bin}}/caddysnake --listen 127.0.0.1:{{port}} --workers 1 --python-path {{bin}}/python"


def _caddysnake(name: str, summary: str, flags: str, **more: Any) -> Stack:
    return Stack(
        name=name,
        summary=summary,
        server="caddysnake",
        requirements=("caddysnake", "uvloop"),
        not_on={"3.15": "caddysnake 0.6.4 can be had for Python 3.12 to 3.14 only"},
        command=tuple(f"{COMMAND} {flags}".split()),
        flags_from=(
            "Its command line's help: what it takes by itself, but for the one process, where it has one for each CPU. "
            "Nothing is recommended for this."
        ),
        **more,
    )


ROWS = (
    _caddysnake(
        "caddysnake_wsgi",
        "Caddy with Python, WSGI",
        "--server-type wsgi --app {wsgi_callable}",
        interface="WSGI",
        waits_with="threads",
        slots=32,
        traits=("parent caddysnake-cli",),
    ),
    _caddysnake(
        "caddysnake_asgi",
        "Caddy with Python, ASGI, uvloop",
        "--server-type asgi --app {asgi}",
        interface="ASGI",
        waits_with="event loop",
        slots=None,
        traits=("parent caddysnake-cli", "uvloop.Loop"),
        shares_with="caddysnake_wsgi",
    ),
)
