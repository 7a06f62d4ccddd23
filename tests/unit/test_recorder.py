"""What the recorder inside locust keeps of a request; with real requests, tests/process/test_loadgen.py."""

import errno
import struct
from pathlib import Path
from typing import Any

import gevent.timeout
import pytest
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from recorder import MOST_REASONS, Recorder, classify
from stackmatrix.analysis.level.requests import decode_rows
from stackmatrix.results import rows

CONTEXT = {
    "intended_s": 1.0, "sent_s": 1.25, "done_s": 2.0, "level": 3, "phase": rows.WINDOW, "wrong": None,
    "why_wrong": None, "opened": 1, "attempts": 1, "target": 4, "page": 2,
}  # fmt: skip


class Response:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


class StatusError(OSError):
    """As geventhttpclient's: an error of the connection's kind that carries a whole response."""

    response = Response(500)


def caused_by(cause: BaseException) -> Exception:
    error = RuntimeError("wrapped")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("exception", "outcome"),
    [
        (None, rows.OK),
        (TimeoutError(), rows.TIMED_OUT),
        (gevent.timeout.Timeout(), rows.TIMED_OUT),
        (caused_by(TimeoutError()), rows.TIMED_OUT),
        (ConnectionRefusedError(), rows.CONNECTION),
        (ConnectionResetError(), rows.CONNECTION),
        (HTTPConnectionClosed(), rows.CONNECTION),
        (HTTPParseError("what is no HTTP"), rows.CONNECTION),
        (caused_by(ConnectionResetError()), rows.CONNECTION),
        (StatusError(), rows.STATUS),
        (RuntimeError(), rows.STATUS),
        (OSError(errno.EMFILE, "Too many open files"), rows.EXHAUSTED),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), rows.EXHAUSTED),
        (caused_by(OSError(errno.ENFILE, "Too many open files in system")), rows.EXHAUSTED),
        (OSError(errno.EHOSTUNREACH, "No route to host"), rows.CONNECTION),
    ],
    ids=lambda one: type(one).__name__,
)
def test_the_class_of_a_failure_comes_from_its_exception(exception: BaseException | None, outcome: int) -> None:
    assert classify(exception, {"wrong": None}) == outcome


@pytest.mark.parametrize("wrong", [rows.WRONG_BODY, rows.STATUS])
def test_a_wrong_answer_is_of_the_class_that_the_visitor_found(wrong: int) -> None:
    assert classify(RuntimeError("wrong answer"), {"wrong": wrong}) == wrong


def test_why_answers_were_wrong_is_told_once_for_each_target_and_reason(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "rows")
    for target, why in ((0, "/a/ lacks 'x'"), (0, "/a/ lacks 'x'"), (1, "/a/ lacks 'x'"), (0, "/b/ is no JSON")):
        wrong = {**CONTEXT, "target": target, "wrong": rows.WRONG_BODY, "why_wrong": why}
        recorder.on_request(context=wrong, response=Response(200), exception=RuntimeError())
    assert recorder.take_wrong() == [[0, "/a/ lacks 'x'"], [1, "/a/ lacks 'x'"], [0, "/b/ is no JSON"]]
    assert recorder.take_wrong() == []


def test_of_reasons_that_never_end_only_the_first_are_kept(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "rows")
    for number in range(2 * MOST_REASONS):
        wrong = {**CONTEXT, "wrong": rows.WRONG_BODY, "why_wrong": f"has {number} characters"}
        recorder.on_request(context=wrong, response=Response(200), exception=RuntimeError())
    assert len(recorder.take_wrong()) == MOST_REASONS


def test_a_request_is_one_row_with_its_exact_times(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "rows")
    recorder.on_request(context=CONTEXT, response=Response(200), exception=None, response_time=999)
    recorder.flush()
    (row,) = decode_rows((tmp_path / "rows").read_bytes())
    assert row.item() == (1.0, 1.25, 2.0, 3, rows.WINDOW, rows.OK, 200, 1, 1, 4, 2)
    assert recorder.fired == 1


def test_rows_are_written_at_a_flush_and_once(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    recorder = Recorder(path)
    recorder.begin()
    recorder.add(1, 1, 2, 0, rows.WINDOW, rows.OK)
    assert path.read_bytes() == b""
    recorder.flush()
    recorder.flush()
    recorder.add(3, 3, 4, 0, rows.WINDOW, rows.OK)
    recorder.flush()
    assert [row["intended_s"] for row in decode_rows(path.read_bytes())] == [1, 3]


def test_a_recorder_begins_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"of another trial")
    Recorder(tmp_path / "rows").begin()
    assert (tmp_path / "rows").read_bytes() == b""


def test_a_request_without_a_response_has_no_status(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "rows")
    recorder.on_request(context=CONTEXT, response=None, exception=ConnectionRefusedError())
    recorder.flush()
    (row,) = decode_rows((tmp_path / "rows").read_bytes())
    assert (row["status"], row["outcome"]) == (0, rows.CONNECTION)


@pytest.mark.parametrize("spoiled", [{"level": 70_000}, {"done_s": None}])
def test_a_request_that_could_not_be_kept_is_not_counted_as_kept(tmp_path: Path, spoiled: dict[str, Any]) -> None:
    recorder = Recorder(tmp_path / "rows")
    with pytest.raises(struct.error):
        recorder.on_request(context={**CONTEXT, **spoiled}, response=None, exception=None)
    assert recorder.fired == 0


def test_an_arrival_that_found_no_visitor_is_a_row_that_locust_knows_nothing_of(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "rows")
    recorder.add(1, 2, 2, 0, rows.WINDOW, rows.NO_SLOT)
    recorder.flush()
    assert recorder.fired == 0
    assert len(decode_rows((tmp_path / "rows").read_bytes())) == 1
