"""The settings that a project runs with: its own, what the app's file overrides, and mail that goes nowhere.

They are a module of our own outside of the copy, one for each interface, so that the project's files stay as they are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackmatrix.application.discovery import MADE, Found

SSL_HEADER, MADE_SSL_HEADER = "SECURE_PROXY_SSL_HEADER", "STACKMATRIX_SSL_HEADER"
"""The setting, and the one that says that it is none of the project's."""
HTTPS_HEADER = "X-Scheme"
"""What it is then: a header that no server takes away, sent beside the usual one."""
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"

_SETTINGS = '''"""{settings} as {interface} stacks run it: written for the benchmark, from the app's file."""

import datetime

from {settings} import *


def _merge(under, over):
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return {{**under, **{{key: _merge(under.get(key), value) for key, value in over.items()}}}}


for _name, _value in {override!r}.items():
    globals()[_name] = _merge(globals().get(_name), _value)
'''
_NO_MAIL = f"""
# Django from 6.1 on has one backend for each of MAILERS, and then refuses the older setting.
if globals().get("MAILERS"):
    MAILERS = {{_alias: {{"BACKEND": "{NO_MAIL}"}} for _alias in MAILERS}}
else:
    EMAIL_BACKEND = "{NO_MAIL}"
"""
_SSL_HEADER = """
# Where requests claim https, and the project names no header for that: not every server takes X-Forwarded-Proto by
# itself, and some take it away, as from a visitor who is no proxy of theirs.
if (globals().get("SECURE_SSL_REDIRECT") if {https!r} is None else {https!r}) and not globals().get("{name}"):
    {name} = ("HTTP_{header}".upper().replace("-", "_"), "https")
    {marked} = True
"""
_DIAGNOSING = """
# What goes wrong reaches the server, which writes it into its log.
DEBUG_PROPAGATE_EXCEPTIONS = True
"""
_CALLABLE = '''"""The {interface} callable of a project that has none."""

from django.core.{module} import get_{module}_application

application = get_{module}_application()
'''


def module_name(interface: str) -> str:
    return f"stackmatrix_settings_{interface.lower()}"


def write(
    folder: Path,
    found: Found,
    interface: str,
    override: Mapping[str, Any],
    *,
    https: bool | None = None,
    is_diagnosing: bool = False,
) -> None:
    """Write the settings of an interface into a folder, and the callable if the project has none.

    ``https`` is whether requests claim it; where that is not said, it is as the project redirects.
    """
    text = _SETTINGS.format(settings=found.settings, interface=interface, override=dict(override))
    if not {"MAILERS", "EMAIL_BACKEND"} & override.keys():
        text += _NO_MAIL
    text += _SSL_HEADER.format(https=https, name=SSL_HEADER, header=HTTPS_HEADER, marked=MADE_SSL_HEADER)
    folder.mkdir(parents=True, exist_ok=True)
    text += _DIAGNOSING if is_diagnosing else ""
    (folder / f"{module_name(interface)}.py").write_text(text, encoding="utf-8")
    if found.callable_of(interface) == MADE[interface]:
        name = MADE[interface].partition(":")[0]
        made = _CALLABLE.format(interface=interface, module=interface.lower())
        (folder / f"{name}.py").write_text(made, encoding="utf-8")
