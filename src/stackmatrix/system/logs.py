"""What processes have written: why they ended, in one sentence, and what is kept of it, without anybody's secrets."""

import html
import json
import os
import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

from stackmatrix.outside.files import read_log
from stackmatrix.outside.text import one_line
from stackmatrix.system.processes import PROJECT

CRASH = re.compile(r"segmentation fault|fatal python error|bus error", re.IGNORECASE)
TRACEBACK = re.compile(r"Traceback \(most recent call last\):\s*$")
MARGIN = re.compile(r"^\s+[|+](?P<rule>-[-+ \d]*)? ?")
"""What stands before the lines of an exception group's traceback, and the rules between its exceptions."""
GROUP = re.compile(r"^(\w+\.)*\w*ExceptionGroup\b")
PLACE = re.compile(r'^\s+File "(.+)", line (\d+)')
OF_A_PLACE = re.compile(r"^(SyntaxError|IndentationError|TabError)\b")
"""Exceptions that tell little without their place, which stands in the lines before."""
NOT_A_CAUSE = re.compile(
    r"^(\w+\.)*(HaltServer|SystemExit|KeyboardInterrupt|CancelledError)\b"
    r"|^RuntimeError: could not import module 'under_test\."
)
"""Exceptions with which a server reports that something else has ended it."""
LAST_LINES = 3
LONGEST_REASON = 500
"""Characters of a line that are shown: an exception may quote a whole page."""


def explain(log: Path, secrets: Iterable[str] = ()) -> str:
    """What a log says of why its process ended, on one line without secrets; empty where there is none or it is empty.

    The line of a crash, else the last exception's own line, else the last lines: servers follow an exception with words
    of their own ("Worker failed to boot"), and a crash with a backtrace.
    """
    lines = [line.strip() for line in _lines(log)]
    crash = next((line for line in lines if CRASH.search(line)), "")
    exception = next(iter(deque(raised(log), 1)), "")
    last = [line for line in lines if line][-LAST_LINES:]
    # Before it is cut: of a secret at the end half would be left.
    return one_line(hide(crash or exception or " | ".join(last), secrets), LONGEST_REASON)


def _lines(log: Path) -> list[str]:
    """The lines of a log, of a long one those of its beginning and its end; none where there is no log."""
    try:
        return read_log(log).split("\n")
    except OSError:
        return []


def raised(log: Path) -> Iterator[str]:
    """The own line of each exception that a log has a traceback of, but for those that report another one.

    Of a group those that it holds, and of what cannot be parsed the place, too.
    """
    is_traceback, is_group, place = False, False, ""
    for whole in _lines(log):
        margin = MARGIN.match(whole) if is_group else None
        is_traceback = is_traceback and bool(margin) == is_group
        is_group = margin is not None
        line = whole[margin.end() :] if margin else whole
        if TRACEBACK.search(line):
            is_traceback, is_group = True, is_group or "Exception Group Traceback" in line
        elif margin and margin["rule"]:
            is_traceback = True  # what follows may have no traceback of its own
        elif is_traceback and (found := PLACE.match(line)):
            place = f" ({Path(found[1]).name}, line {found[2]})"
        elif is_traceback and line and not line[0].isspace():
            is_traceback = False
            if not NOT_A_CAUSE.match(line) and not (is_group and GROUP.match(line)):
                yield line.strip() + (place if OF_A_PLACE.match(line) else "")


def most_raised(log: Path) -> int:
    """How often a log has the exception that it has most often; those that differ in numbers only are the same."""
    return max(Counter(re.sub(r"0x[0-9a-f]+|\d+", "0", line) for line in raised(log)).values(), default=0)


ENDED = re.compile(r"\b(worker|child|process)\b.*\b(exited|died|crashed|sent SIG\w+)", re.IGNORECASE)


def most_ended(log: Path) -> int:
    """How often a log says that a process has ended, of what it says most often; ids make no difference."""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            return max(Counter(re.sub(r"\d+", "0", line) for line in lines if ENDED.search(line)).values(), default=0)
    except OSError:
        return 0


SHORTEST_HIDDEN, SHORTEST_PART = 4, 8
"""Characters of a secret, and of a line or the beginning of one: a shorter one would be found in many words that do not
have it."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets, also where they are quoted as Python, JSON, HTML or an address does, or cut off."""
    for secret in secrets:
        parts = [
            one for one in secret.splitlines() if len(one) >= SHORTEST_PART
        ]  # a key in lines is shown line by line
        whole = [secret] if len(secret) >= SHORTEST_HIDDEN else []
        for written in sorted({form for one in (*whole, *parts) for form in _quoted(one)}, key=len, reverse=True):
            text = _without_beginning(text.replace(written, "…"), written)
    return text


def cut(text: str, characters: int) -> str:
    """The beginning of a text, with an ellipsis where it goes on: there, half a secret may be hidden later."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def _quoted(secret: str) -> Iterator[str]:
    yield from (secret, repr(secret)[1:-1], ascii(secret)[1:-1], json.dumps(secret)[1:-1], html.escape(secret))
    as_bytes = os.fsencode(secret)
    yield from (as_bytes.decode(errors="replace"), quote(as_bytes), quote(as_bytes, safe=""), quote_plus(as_bytes))


def _without_beginning(text: str, secret: str) -> str:
    """A text without the beginning of a secret at its end, or before an ellipsis, where it was cut off."""
    return "…".join(_without_end(part, secret) for part in text.split("…"))


def _without_end(text: str, secret: str) -> str:
    end = text.rstrip("\"'. \n")
    longest = min(len(secret) - 1, len(end))
    found = (length for length in range(longest, SHORTEST_PART - 1, -1) if end.endswith(secret[:length]))
    return text if (length := next(found, 0)) == 0 else f"{end[:-length]}…"


KEPT_LOGS = PROJECT / ".nox" / "logs"
MOST_KEPT, MOST_KEPT_BYTES = 50, 10_000_000
"""Logs, and of each its beginning and its end: a target may have written gigabytes."""


def keep(log: Path, secrets: Iterable[str] = ()) -> str:
    """Copy a log out of a folder that will be removed, without secrets.

    Returns where it is, for people, or nothing if it is empty.
    """
    try:
        if not log.stat().st_size:
            return ""
        KEPT_LOGS.mkdir(parents=True, exist_ok=True)
        kept = KEPT_LOGS / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{log.name}"
        kept.write_text(hide(read_log(log, MOST_KEPT_BYTES), secrets), encoding="utf-8")
        for old in sorted(KEPT_LOGS.iterdir())[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return ""
    return str(kept.relative_to(PROJECT) if kept.is_relative_to(PROJECT) else kept)


def last_words(log: Path, secrets: Collection[str] = ()) -> str:
    """What a log says of why its process ended, and where the whole of it is kept; empty without a log."""
    said, kept = explain(log, secrets), keep(log, secrets)
    return f"{said} (its whole log: {kept})" if said and kept else said
