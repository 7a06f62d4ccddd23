"""Words that somebody else chose, as they may stand in a sentence, on a screen, or as the name of a folder.

Names of machines, branches and packages, lines of logs and pages of a target may hold what moves a cursor, sets a
window's title, makes a link, ends a line or turns the direction of writing. Standard library only.
"""

LONGEST = 600
"""Characters of one text: more are no sentence that anybody reads."""
LONGEST_NAME_BYTES = 200
"""Of a folder's name: file systems take 255, and a file that is being written has a longer name."""


def printable(text: str) -> str:
    """A text without what moves a cursor, ends a line, or turns the direction of writing."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def one_line(text: str, most: int = LONGEST) -> str:
    """A text as it may stand anywhere: printable, on one line, and cut where it is endless."""
    whole = " ".join(printable(text[: 10 * most]).split())
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def visible(text: str) -> str:
    r"""A text of several lines whose other control characters are written out, as in ``\x1b[31m``."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t\u00a0" else _written(sign) for sign in text)


def _written(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def why_no_name(name: str) -> str | None:
    """Why no folder of results can be called so, in words that follow its name; ``None`` where one can."""
    if not name.strip("."):
        return "is no name"
    if "/" in name or "\0" in name:
        return "has a slash or a NUL character"
    if not name.isprintable():
        return "has characters that are not printable"
    if name != name.strip() or name.startswith(("-", "~")):
        return "begins or ends with a space, or begins like an option or a home folder"
    if len(name.encode()) > LONGEST_NAME_BYTES:
        return f"is longer than {LONGEST_NAME_BYTES} bytes"
    return None
