"""The terminal that tables are printed to."""

from rich.console import Console

WIDTH_OF_FILES = 140
"""In characters, where output goes to a file or a pipe, which has no width of its own."""


def make_console() -> Console:
    """The terminal as it is, or wide enough for every table where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_FILES)
