"""Names of folders, and texts in a sentence."""

import pytest

from stackmatrix.outside.text import one_line, visible, why_no_name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\0b", "a\nb", "a\x1b[31m", "a\u202eb", "x" * 300, "-rf", "~", " a", "\udcff"],
)
def test_no_folder_is_called_so(name: str) -> None:
    assert why_no_name(name) is not None


@pytest.mark.parametrize(
    "name", ["laptop", "amd-epyc-25-17-1-2-cores", "M2 Pro", "ä漢", "a|b", "<b>", "x" * 200, "v1.2"]
)
def test_a_folder_may_be_called_so(name: str) -> None:
    assert why_no_name(name) is None


def test_a_text_is_cut_and_put_on_one_line() -> None:
    assert one_line("a\x1b[31m\n  b\u202e", 100) == "a [31m b"
    assert one_line("x" * 2_000_000, 10) == "x" * 9 + "…"


def test_lines_stay_and_what_is_not_seen_is_written_out() -> None:
    assert visible("a\nb\x1b]8;;x\x07\u202e\udcff é") == "a\nb\\x1b]8;;x\\x07\\u202e\\udcff é"
