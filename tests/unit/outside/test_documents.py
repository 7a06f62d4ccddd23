"""JSON and TOML of others is read or a ValueError; JSON of ours is seen as it is on every screen."""

import json

import pytest

from stackmatrix.outside.documents import read_json, read_toml, write_json


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "{", b"\xff", b'"\xed\xa0\x80"'])
def test_json_that_cannot_be_read_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        read_json(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a = 1\na = 2", "a"])
def test_toml_that_cannot_be_read_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        read_toml(text)


def test_what_is_not_seen_is_written_by_its_number() -> None:
    written = write_json({"a\u202eb": "\x1b \x7f \x9b \u2028 \U000e0041 é 漢"})
    assert written == '{"a\\u202eb": "\\u001b \\u007f \\u009b \\u2028 \\udb40\\udc41 é 漢"}'
    assert json.loads(written) == {"a\u202eb": "\x1b \x7f \x9b \u2028 \U000e0041 é 漢"}


def test_a_number_that_json_does_not_have_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json({"a": float("nan")})
