"""What stands for a sign that the encoding of the output does not have, so that no name or sign ends a run."""

import codecs
import sys

IN_ASCII = {"–": "-", "×": "x", "≥": ">=", "…": "...", "→": "->", "†": "+", "‡": "#"}
"""A question mark stands for any other."""
HANDLER = "stackmatrix.nearest"


def nearest(error: UnicodeError) -> tuple[str, int]:
    """Write what is nearest to what cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(IN_ASCII.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, nearest)


def write_anything() -> None:
    """Have standard output and standard error take every text; one that is closed, or a test's, stays as it is."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors=HANDLER)
