"""List the addresses of a project that have no parameters."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django


def main() -> None:
    django.setup()
    from django.urls import get_resolver  # noqa: PLC0415 - it needs the set-up

    found = [path for path in dict.fromkeys(walk(get_resolver().url_patterns, "/")) if is_fixed(path)]
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


def walk(patterns: Any, prefix: str) -> Iterator[str]:
    """All addresses below a prefix, as they are written; a regular expression only where it is a plain text."""
    for one in patterns:
        written = str(one.pattern).removeprefix("^")
        path = prefix + written.removeprefix("/")
        if hasattr(one, "url_patterns"):
            yield from walk(one.url_patterns, path)
        else:
            yield path.removesuffix("$").removesuffix("\\Z")


def is_fixed(path: str) -> bool:
    return not any(letter in path for letter in "<>()[]\\*+?^$|")


if __name__ == "__main__":
    main()
