"""From recorded rows to the requests of one level and its window."""

from collections.abc import Callable, Iterable

import pytest

from stackmatrix.analysis.level.requests import LevelRows, decode_rows
from stackmatrix.results import rows

type MakeRow = Callable[..., bytes]
type MakeLevel = Callable[[Iterable[bytes]], LevelRows]


def test_every_field_of_a_row_comes_back_under_its_name(make_row: MakeRow) -> None:
    packed = make_row(
        1.25,
        3.5,
        sent_s=1.5,
        level=7,
        phase=rows.TAIL,
        outcome=rows.STATUS,
        status=503,
        opened=2,
        attempts=4,
        target=3,
        page=6,
    )
    (row,) = decode_rows(packed)
    assert row.item() == (1.25, 1.5, 3.5, 7, rows.TAIL, rows.STATUS, 503, 2, 4, 3, 6)


@pytest.mark.parametrize("cut", [1, 16, 31])
def test_a_last_row_that_was_cut_off_is_left_out(make_row: MakeRow, cut: int) -> None:
    data = make_row(1, 2) + make_row(3, 4)
    assert [row["intended_s"] for row in decode_rows(data[:-cut])] == [1]


def test_an_empty_file_has_no_rows() -> None:
    assert len(decode_rows(b"")) == 0


def test_a_level_has_its_own_rows_only(make_row: MakeRow) -> None:
    recorded = decode_rows(make_row(1, 2, level=0) + make_row(3, 4, level=1) + make_row(5, 6, level=rows.WARMUP_LEVEL))
    assert LevelRows.select(recorded, 1, 0, 10).all["intended_s"].tolist() == [3]


def test_a_request_belongs_to_the_window_in_which_it_was_meant_to_start(
    make_row: MakeRow, make_level: MakeLevel
) -> None:
    level = make_level(
        [
            make_row(99.9, 105, phase=rows.SETTLE),  # answered within, meant for before
            make_row(100, 101),
            make_row(109.9, 170, sent_s=111),  # sent and answered after, meant for within
            make_row(110, 111, phase=rows.TAIL),
        ]
    )
    assert level.window["intended_s"].tolist() == [100, 109.9]
    assert level.window_s == 10


def test_response_time_counts_from_the_intended_start_and_lag_is_how_late_it_was_sent_and_service_the_rest(
    make_row: MakeRow, make_level: MakeLevel
) -> None:
    level = make_level([make_row(100, 101.5, sent_s=100.25)])
    assert level.response_ms.tolist() == [1500]
    assert level.lag_ms.tolist() == [250]
    assert level.service_ms.tolist() == [1250]


def test_only_correct_responses_have_response_times(make_row: MakeRow, make_level: MakeLevel) -> None:
    failures = [outcome for outcome in range(len(rows.OUTCOMES)) if outcome != rows.OK]
    level = make_level([make_row(100, 101), *(make_row(102, 103, outcome=outcome) for outcome in failures)])
    assert level.response_ms.tolist() == level.service_ms.tolist() == [1000]
    assert len(level.correct) == 1


def test_an_arrival_that_was_never_sent_has_no_lag(make_row: MakeRow, make_level: MakeLevel) -> None:
    level = make_level([make_row(100, 100.5, sent_s=100.5, outcome=rows.NO_SLOT, status=0), make_row(101, 102)])
    assert level.lag_ms.tolist() == [0]


def test_mean_in_flight_is_the_time_within_the_window_over_its_length(make_row: MakeRow, make_level: MakeLevel) -> None:
    level = make_level(
        [
            make_row(98, 101, phase=rows.SETTLE),  # 1 s of it within
            make_row(95, 99, phase=rows.SETTLE),  # none
            make_row(102, 105),  # 3 s
            make_row(104, 104.5, outcome=rows.STATUS, status=500),  # 0.5 s: a failure is under way, too
            make_row(109, 120),  # 1 s
            make_row(111, 112, phase=rows.TAIL),  # none
        ]
    )
    assert level.in_flight_mean == pytest.approx(5.5 / 10)


def test_a_request_that_spans_the_whole_window_is_one_in_flight(make_row: MakeRow, make_level: MakeLevel) -> None:
    assert make_level([make_row(50, 200, phase=rows.SETTLE)]).in_flight_mean == 1


def test_failures_are_counted_by_class_and_a_status_by_its_number(make_row: MakeRow, make_level: MakeLevel) -> None:
    level = make_level(
        [
            make_row(100, 101),
            *[make_row(100, 101, outcome=rows.STATUS, status=500)] * 2,
            make_row(100, 101, outcome=rows.STATUS, status=502),
            make_row(100, 101, outcome=rows.TIMED_OUT, status=0),
            make_row(100, 101, outcome=rows.CONNECTION, status=0),
            make_row(100, 101, outcome=rows.WRONG_BODY),
            make_row(100, 100, outcome=rows.NO_SLOT, status=0),
            make_row(100, 100, outcome=rows.EXHAUSTED, status=0),
            make_row(99, 101, outcome=rows.TIMED_OUT, phase=rows.SETTLE),
            make_row(110, 111, outcome=rows.TIMED_OUT, phase=rows.TAIL),
        ]
    )
    assert level.failures() == {
        "status 500": 2,
        "status 502": 1,
        "time-out": 1,
        "connection": 1,
        "wrong body": 1,
        "no free slot": 1,
        "generator exhausted": 1,
    }


def test_the_layout_by_name_is_the_layout_that_is_written() -> None:
    assert [name for name, _ in rows.FIELDS][-3:] == ["attempts", "target", "page"]
    assert rows.ROW.size == 36
