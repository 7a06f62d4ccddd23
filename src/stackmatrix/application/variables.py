"""Variables in braces, such as ``{postgres.url}``, that the app's file has in env, override, files and commands."""

import re
from collections.abc import Mapping
from typing import Any

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.app_keys import SERVICES

PARTS = ("url", "host", "port", "name", "user", "password")
"""What an address has."""

_VARIABLE = re.compile(r"\{([A-Za-z][\w-]*)((?:\.[\w-]+)+)\}")


def fill(text: str, known: Mapping[str, str], where: str) -> str:
    """A text with the variables in it replaced; other words in braces are left as they are.

    ``where`` is the key that the text stands at.

    Raises:
        AppFileError: for a variable of an address that is not known.

    """

    def value(found: re.Match[str]) -> str:
        name = found[1] + found[2]
        if name in known:
            return known[name]
        if found[1] in SERVICES and not any(key.startswith(f"{found[1]}.") for key in known):
            raise AppFileError(f'{where} has {{{name}}}: add services = ["{found[1]}"].')
        if found[1] in SERVICES or found[2].rpartition(".")[2] in PARTS:
            there = ", ".join(f"{{{key}}}" for key in sorted(known)) or "no service, process or upstream in the file"
            raise AppFileError(f"{where} has {{{name}}}, which is not known; there is {there}.")
        return found[0]

    return _VARIABLE.sub(value, text)


def fill_all(value: Any, known: Mapping[str, str], where: str) -> Any:
    """A value with the variables in all of its texts replaced."""
    if isinstance(value, str):
        return fill(value, known, where)
    if isinstance(value, Mapping):
        return {key: fill_all(one, known, f"{where}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [fill_all(one, known, where) for one in value]
    return value
