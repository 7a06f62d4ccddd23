"""Waiting for a condition, and the end of a log; with real children, tests/process/test_processes.py."""

import html
import json
import re
import subprocess
import sys
import textwrap
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackmatrix.errors import TrialError
from stackmatrix.system import logs, processes


class Clock:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(processes, "time", clock)
    return clock


def fine() -> None:
    return None


def looks(*values: object) -> Iterator[object]:
    yield from values
    while True:
        yield None


def test_waiting_ends_with_the_first_thing_that_is_seen(clock: Clock) -> None:
    seen = looks(None, None, "it", "later")
    assert processes.wait_until(lambda: next(seen), timeout_s=10, alive=fine) == "it"
    assert clock.now_s == pytest.approx(2 * processes.POLL_S)


@pytest.mark.parametrize("seen", [0, "", [], False])
def test_whatever_is_not_none_has_been_seen(clock: Clock, seen: object) -> None:
    assert processes.wait_until(lambda: seen, timeout_s=10, alive=fine) == seen
    assert clock.now_s == 0


def test_waiting_ends_as_soon_as_it_is_pointless_with_the_reason(clock: Clock) -> None:
    reasons = looks(None, "it died of hunger")

    def alive() -> str | None:
        reason = next(reasons)
        return None if reason is None else str(reason)

    with pytest.raises(TrialError, match=r"^it died of hunger$"):
        processes.wait_until(fine, timeout_s=10, alive=alive)
    assert clock.now_s == pytest.approx(processes.POLL_S)


def test_what_is_there_is_seen_even_if_its_owner_has_just_died() -> None:
    assert processes.wait_until(lambda: "it", timeout_s=10, alive=lambda: "dead") == "it"


def test_waiting_ends_when_the_time_is_over(clock: Clock) -> None:
    with pytest.raises(TrialError, match=r"not ready within 1.5 s"):
        processes.wait_until(fine, timeout_s=1.5, alive=fine)
    assert clock.now_s > 1.5


LOG_OF_A_SERVER = """\
[INFO] Booting worker with pid: 7
[ERROR] Exception in worker process
Traceback (most recent call last):
  File "settings.py", line 1, in <module>
    key = os.environ["KEY"]
          ~~~~~~~~~~^^^^^^^
KeyError: 'KEY'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "worker.py", line 134, in init_process
    self.load_wsgi()
django.core.exceptions.ImproperlyConfigured: Set the KEY variable.
[INFO] Worker exiting (pid: 7)
[ERROR] Worker (pid:7) exited with code 3
Traceback (most recent call last):
  File "arbiter.py", line 209, in run
    self.sleep()
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
[ERROR] Shutting down: Master
[ERROR] Reason: Worker failed to boot.
"""


def test_a_log_explains_an_end_by_its_last_lines_on_one_line(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n\ntwo  \n\tthree\nf\xffur\n\n")
    assert logs.explain(log) == "two | three | f\ufffdur"


def test_of_a_crash_the_line_that_tells_of_it_is_shown_and_not_the_end_of_its_backtrace(tmp_path: Path) -> None:
    log = tmp_path / "target.log"
    crash = "!!! uWSGI process 42 got Segmentation Fault !!!"
    log.write_text(f"starting\n{crash}\n*** backtrace of 42 ***\nuwsgi(main+0x1)\n*** end of backtrace ***\n")
    assert logs.explain(log) == crash


@pytest.mark.parametrize("before", ["", "A line of other output.\n" * 100_000], ids=["short", "2 MB"])
def test_of_an_exception_its_own_line_is_shown_and_not_what_the_server_says_of_it(tmp_path: Path, before: str) -> None:
    log = tmp_path / "target.log"
    log.write_text(before + LOG_OF_A_SERVER)
    assert logs.explain(log) == "django.core.exceptions.ImproperlyConfigured: Set the KEY variable."


def test_an_exception_without_end_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "target.log"
    log.write_text("Traceback (most recent call last):\n  File x\nValueError: " + "x" * 100_000)
    assert len(logs.explain(log)) == logs.LONGEST_REASON


def test_a_log_that_is_not_there_or_empty_explains_nothing(tmp_path: Path) -> None:
    assert logs.explain(tmp_path / "none.log") == logs.last_words(tmp_path / "none.log") == ""
    (tmp_path / "empty.log").write_text("\n \n")
    assert logs.explain(tmp_path / "empty.log") == logs.last_words(tmp_path / "empty.log") == ""


def test_the_whole_log_is_kept_where_the_message_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "KEPT_LOGS", tmp_path / "kept")
    monkeypatch.setattr(logs, "MOST_KEPT", 2)
    log = tmp_path / "target.log"
    for number in range(3):
        log.write_text(f"start {number}\n" + LOG_OF_A_SERVER)
        words = logs.last_words(log)
        told = re.fullmatch(r".*Set the KEY variable\. \(its whole log: (.*target\.log)\)", words)
        assert told, words
        assert Path(told[1]).read_text() == log.read_text()
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_child_gets_of_the_users_environment_only_what_is_on_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    monkeypatch.setenv("LOCUST_HEADLESS", "1")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    environment = processes.child_environment(EXTRA="1", HOME="/elsewhere")
    assert environment["HOME"] == "/elsewhere"
    assert environment["EXTRA"] == "1"
    assert environment["PYTHONPATH"] == str(processes.SOURCE)
    assert environment.keys() <= {*processes.PASSED_ON, "PYTHONPATH", "PYTHONUNBUFFERED", "EXTRA"}


def test_a_process_that_is_gone_has_no_tree() -> None:
    assert processes.tree(2**22 + 1) == []


SAYS = "could not import module 'under_test.asgi' from target"
RAISED = {
    "in several lines": ("raise ValueError('the first\\nthe second')", "ValueError: the first"),
    "with notes": ("e = ValueError('said')\ne.add_note('a note')\nraise e", "ValueError: said"),
    "from another": ("try:\n  1 / 0\nexcept Exception as e:\n  raise KeyError(1) from e", "KeyError: 1"),
    "while another": ("try:\n  1 / 0\nexcept ZeroDivisionError:\n  {}['KEY']", "KeyError: 'KEY'"),
    "by which a server says that it could not be imported": (
        "try:\n  {}['KEY']\nexcept KeyError as e:\n  raise RuntimeError(SAYS) from e".replace("SAYS", repr(SAYS)),
        "KeyError: 'KEY'",
    ),
    "what cannot be parsed": (
        "compile('x = (', 'settings.py', 'exec')", "SyntaxError: '(' was never closed (settings.py, line 1)",
    ),
    "a missing library": (
        "raise ImportError('libpq.so.5: cannot open shared object file: No such file or directory')",
        "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
    ),
    "a group": ("raise ExceptionGroup('all', [ValueError('one'), OSError('two')])", "OSError: two"),
    "a group of groups": (
        "raise ExceptionGroup('out', [OSError('two'), ExceptionGroup('in', [ValueError('one')])])",
        "ValueError: one",
    ),
    "an end with words": ("import sys\nsys.exit('Set the KEY variable.')", "Set the KEY variable."),
}  # fmt: skip


@pytest.mark.parametrize(("code", "told"), RAISED.values(), ids=RAISED)
def test_what_python_prints_of_an_exception_is_told_by_its_own_line(code: str, told: str, tmp_path: Path) -> None:
    log = tmp_path / "target.log"
    program = f"import traceback\ntry:\n{textwrap.indent(code, '  ')}\nexcept Exception:\n  traceback.print_exc()"
    with log.open("wb") as output:
        subprocess.run([sys.executable, "-c", program], stdout=output, stderr=output, check=False)
        if "sys.exit" not in code:  # what servers say then
            output.write(b"INFO: Application startup failed. Exiting.\n")
    assert logs.explain(log) == told


SECRET = "pä ss'w\"ord&<$>/+"  # noqa: S105 - a made-up one
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----"


@pytest.mark.parametrize(
    "said",
    [
        SECRET, repr(SECRET), ascii(SECRET), json.dumps(SECRET), html.escape(SECRET), urllib.parse.quote(SECRET),
        urllib.parse.quote_plus(SECRET), f"postgres://me:{urllib.parse.quote(SECRET, safe='')}@host/db",
    ],
)  # fmt: skip
def test_a_secret_is_hidden_however_it_is_written(said: str) -> None:
    hidden = logs.hide(f"before {said} after", [SECRET])
    assert "ss" not in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")


def test_a_secret_of_several_lines_is_hidden_line_by_line_and_the_beginning_of_one_that_was_cut_off() -> None:
    assert logs.hide("ValueError: MIIEvQIBADANBg", [KEY]) == "ValueError: …"
    assert logs.hide("it is abcdefghijkl", ["abcdefghijklmnop"]) == "it is …"
    assert "abc" not in logs.hide("it is abcdefghijkl… (settings.py)", ["abcdefghijklmnop"])
    assert logs.hide("it is abc", ["abcdefghijklmnop"]) == "it is abc"


def test_a_reason_is_cut_after_secrets_are_hidden_and_not_in_the_middle_of_one(tmp_path: Path) -> None:
    log = tmp_path / "target.log"
    words = "x" * (logs.LONGEST_REASON - 20)
    log.write_text(f"Traceback (most recent call last):\n  File x\nValueError: {words}{'s3cret' * 9}\n")
    assert "s3cret" not in logs.explain(log, ["s3cret" * 9])
