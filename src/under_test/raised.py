"""What an application raises while it is served: written by the target, read by the harness.

Django answers 500 and says nothing, but its own signal tells, and nothing runs where nothing is raised. Each process of
a target adds a line to one file, in one write, so that all are heard, also those that are too busy to answer anybody.

What an exception says may be secret: the file is the harness's private one, which is gone with the target, and words
are cut short. Standard library only, beside Django's signal where the application has it.
"""

import contextlib
import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

VARIABLE = "STACKMATRIX_RAISED"
"""Names the file. Without it nothing is written."""
MOST_BYTES = 20_000_000
"""Of the file: more than 50,000 exceptions tell no more."""
LONGEST = 300
"""Characters of an exception's words: half from their beginning, half from their end, where drivers have the cause."""
DEEPEST = 12
"""Files that an exception came through, the innermost of them."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception: its type, its words on one line, and the names of the files that it came through.

    ``where`` is the innermost place in the application's own folder, ``shop/views.py, line 3``, or empty. It and
    ``type`` may be kept; ``message`` may hold secrets.
    """

    type: str
    message: str
    where: str
    files: tuple[str, ...]

    @classmethod
    def of(cls, error: BaseException, folder: str) -> Self:
        """What is known of an exception in an application whose files are in a folder."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        through = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        own = [f"{os.path.relpath(name, folder)}, line {line}" for name, line in through if name.startswith(folder)]
        words = ""
        with contextlib.suppress(Exception):  # what has no words of its own may fail to make some
            words = " ".join(str(error).split())
        if len(words) > LONGEST:
            words = f"{words[: LONGEST // 2]} … {words[-LONGEST // 2 :]}"
        files = dict.fromkeys(Path(name).name for name, _ in through[-DEEPEST:])
        return cls(type(error).__name__, words, own[-1] if own else "", tuple(files))

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The exception of a line of the file.

        Raises:
            ValueError, TypeError, KeyError: when it is none.

        """
        content = json.loads(line)
        return cls(**{**content, "files": tuple(content["files"])})


def listen() -> None:
    """Have every exception that a request ends with written down, if there is a file and the application is Django."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    with contextlib.suppress(ImportError):
        from django.core.signals import got_request_exception  # noqa: PLC0415 - an application may do without

        # Each write goes to the end, whichever process and thread it is of.
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        folder = f"{Path.cwd()}{os.sep}"

        def note(**_: Any) -> None:
            error = sys.exc_info()[1]
            with contextlib.suppress(OSError):
                if error is not None and os.fstat(file).st_size < MOST_BYTES:
                    os.write(file, Raised.of(error, folder).to_line())

        got_request_exception.connect(note, weak=False)
