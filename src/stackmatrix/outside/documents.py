"""JSON and TOML that somebody else wrote: what cannot be read is a :class:`ValueError`, however it is broken.

Python's own readers also fail with a :class:`RecursionError` where brackets stand a thousand deep. What is written here
has only characters that any screen shows as they are. Standard library only.
"""

import json
import re
import tomllib
from typing import Any

TOO_DEEP = "it has too many brackets in each other"
_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What ends lines, moves cursors, turns the direction of writing or is not seen. JSON itself writes the others so."""


def read_json(text: str | bytes) -> Any:
    """What a JSON document holds.

    Raises:
        ValueError: when it is none, with the reason.

    """
    try:
        # Python's own reader takes half a character in bytes for one.
        return json.loads(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def read_toml(text: str) -> dict[str, Any]:
    """What a TOML document holds.

    Raises:
        ValueError: when it is none, with the reason; a :class:`tomllib.TOMLDecodeError` is one.

    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def write_json(content: object, *, indent: int | None = None, tight: bool = False) -> str:
    """A document whose text stands as it is, but for characters that would not be seen or do something to a screen.

    Raises:
        ValueError: for a number that JSON does not have.

    """
    separators = (",", ":") if tight else None
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    # Outside of its texts JSON has none of these.
    return _HIDDEN.sub(lambda found: _escaped(found[0]), _without_surrogates(text))


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def _without_surrogates(text: str) -> str:
    """A text that UTF-8 can have: half a character, as in a file's name of wrong bytes, is replaced."""
    return text.encode("utf-8", "replace").decode()
