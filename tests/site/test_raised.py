"""What an application raises reaches the file that the harness reads, whichever process it is of, and little of it."""

import contextlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.signals import got_request_exception

from under_test import raised
from under_test.raised import LONGEST, Raised, listen


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a target; whoever listens is gone with the test."""
    monkeypatch.setenv(raised.VARIABLE, str(tmp_path / "shop.raised"))
    before = list(got_request_exception.receivers)
    yield tmp_path / "shop.raised"
    got_request_exception.receivers = before
    got_request_exception.sender_receivers_cache.clear()


def fail(error: BaseException) -> None:
    """What Django does when a view raises."""
    with contextlib.suppress(BaseException), telling():
        raise error


@contextmanager
def telling() -> Iterator[None]:
    try:
        yield
    except BaseException:
        got_request_exception.send(sender=None, request=None)
        raise


def read(file: Path) -> list[Raised]:
    return [Raised.from_line(line) for line in file.read_bytes().splitlines()]


def test_each_exception_is_a_line_with_its_type_its_words_and_where_it_came_from(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    listen()
    fail(ValueError("one\n  two"))
    fail(KeyError("wsgi.input"))
    found = read(file)
    assert [(one.type, one.message) for one in found] == [("ValueError", "one two"), ("KeyError", "'wsgi.input'")]
    assert {one.where.partition(",")[0] for one in found} == {Path(__file__).name}
    assert found[0].files == (Path(__file__).name,)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_is_listened_for_where_no_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(raised.VARIABLE, raising=False)
    before = len(got_request_exception.receivers)
    listen()
    assert len(got_request_exception.receivers) == before


def test_a_group_is_told_by_the_first_exception_in_it(file: Path) -> None:
    listen()
    fail(BaseExceptionGroup("a task failed", [ExceptionGroup("deeper", [OSError("refused")])]))
    assert [(one.type, one.message) for one in read(file)] == [("OSError", "refused")]


def test_words_are_cut_in_the_middle_and_what_has_none_is_told_without(file: Path) -> None:
    class WordlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    listen()
    fail(ValueError("begin" + "x" * 10_000 + "end"))
    fail(WordlessError())
    long, wordless = read(file)
    assert len(long.message) < LONGEST + 5
    assert (long.message[:5], long.message[-3:]) == ("begin", "end")
    assert (wordless.type, wordless.message) == ("WordlessError", "")


def test_the_file_does_not_grow_for_ever(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raised, "MOST_BYTES", 1)
    listen()
    for _ in range(3):
        fail(ValueError())
    assert len(read(file)) == 1


SHOUT = """
from django.core.signals import got_request_exception
from under_test.raised import listen
listen()
for number in range(300):
    try:
        raise ValueError(str(number) * 50)
    except ValueError:
        got_request_exception.send(sender=None, request=None)
"""


def test_processes_that_fail_at_the_same_time_leave_whole_lines(file: Path) -> None:
    given = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    children = [subprocess.Popen([sys.executable, "-c", SHOUT], env=given) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert len(read(file)) == 900


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"type": "ValueError"}'])
def test_what_is_no_exception_is_an_error_and_not_half_of_one(line: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Raised.from_line(line)
