"""Texts of anybody's on every surface that people and their programs read: one owner of each surface's escapes.

Names of machines, branches, packages and pages, and lines of logs, are anybody's. Whatever they hold, they are read as
they are: nothing in them is Markdown, HTML, a mention or a link, ends a cell, is a formula, or does something to a
terminal. The screen's owner is :class:`stackmatrix.report.terminal.Screen`; pages of HTML get JSON from jinja's
``tojson`` and make text of it; JSON is written by :mod:`stackmatrix.outside.documents`.
"""

import re

from markupsafe import Markup

from stackmatrix.outside.text import LONGEST, one_line

LONGEST_ON_A_PAGE = 20_000
"""Characters of one text in a page of results, where a list of every version of every package has its place."""

ACTIVE = r"@(?=\w)|#(?=\d)|\bGH(?=-\d)|:(?=//)|\bwww(?=\.)"
"""What would notify people, or become a link."""
STRUCTURE = r"[\\`*~|<>&!\[\]$]|\{(?=[{%])|(?<![^\W_])_|_(?![^\W_])|^[#+=-](?!\d)|^\d(?=\d*[.)](\s|$))"
"""What could be Markdown or HTML. An entity never is, not even before the pipe of a table."""
SPECIAL = re.compile(f"(?P<active>{ACTIVE})|{STRUCTURE}", re.IGNORECASE)
BY_NAME = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "!": "\\!", "[": "\\[", "]": "\\]"}
ORDER = re.compile(r"^::|##(?=\[)")
FORMULA = re.compile(r"\s*[=+\-@]")
"""With what a cell begins that a spreadsheet computes instead of showing it."""


def literal(text: str, most: int = LONGEST) -> Markup:
    """A text as it is read in Markdown, on one line: nothing in it is Markdown, HTML, a mention or a link."""

    def harmless(found: "re.Match[str]") -> str:
        return f"{found[0]}&#8203;" if found["active"] else BY_NAME.get(found[0], f"&#{ord(found[0])};")

    return Markup(SPECIAL.sub(harmless, one_line(text, most)))  # noqa: S704 - nothing of it is left


def safe(text: str) -> Markup:
    """A text as it may stand in a page of results; what is Markdown already stays as it is."""
    return text if isinstance(text, Markup) else literal(text, LONGEST_ON_A_PAGE)


def in_a_log(text: str) -> str:
    """A text as a line of a job's log, in which GitHub takes what begins with two colons for an order of the job's."""
    return ORDER.sub(lambda found: " ".join(found[0]), one_line(text))


def spreadsheet(text: str) -> str:
    """A text as it may stand in a cell of CSV: on one line, and behind an apostrophe where it would be a formula."""
    whole = one_line(text, LONGEST_ON_A_PAGE)
    return f"'{whole}" if FORMULA.match(whole) else whole


def tag(*parts: str) -> str:
    """Names as a tag of HdrHistogram's log has them, which a comma or a space ends."""
    return re.sub(r"[,\s]", "_", "/".join(one_line(part) for part in parts))
