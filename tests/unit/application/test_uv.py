"""Which interpreter is taken for a place on the axis, by a stand-in for uv that answers as it does where several are.

A build without the GIL that is first in the path is not here: a program says that it is one.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stackmatrix.application.uv import find_interpreter
from stackmatrix.errors import AppError

KINDS = {
    "plain": '["CPython", 3, 14, false]', "free": '["CPython", 3, 14, true]', "pypy": '["PyPy", 3, 11, false]',
    "older": '["CPython", 3, 13, false]', "broken": "not what an interpreter says",
}  # fmt: skip
type Uv = Callable[[Mapping[str, str]], Path]


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    """A uv that finds these kinds of interpreters for what it is asked, and nothing for all else."""

    def make(finds: Mapping[str, str]) -> Path:
        for kind, says in KINDS.items():
            program(tmp_path / kind / "python3", f"echo '{says}'")
        cases = "".join(f"'{asked}') echo '{tmp_path / kind / 'python3'}' ;;\n" for asked, kind in finds.items())
        return program(tmp_path / "uv", f'for last; do :; done\ncase "$last" in\n{cases}*) exit 2 ;;\nesac')

    return make


@pytest.mark.parametrize(
    ("finds", "python", "kind"),
    [
        ({"3.14": "plain"}, "3.14", "plain"),
        ({"3.14": "free", "3.14+gil": "plain"}, "3.14", "plain"),
        ({"3.14t": "free"}, "3.14t", "free"),
        ({"pypy3.11": "pypy"}, "pypy3.11", "pypy"),
        ({"3.14.2": "plain"}, "3.14.2", "plain"),
        ({"3.14": "broken"}, "3.14", "broken"),
    ],
)
def test_a_plain_one_is_taken_where_another_comes_first(
    uv: Uv, tmp_path: Path, finds: Mapping[str, str], python: str, kind: str
) -> None:
    assert find_interpreter(python, uv(finds)) == tmp_path / kind / "python3"


@pytest.mark.parametrize("kind", ["free", "pypy", "older"])
def test_another_kind_is_not_taken_for_a_plain_one_and_is_named(uv: Uv, tmp_path: Path, kind: str) -> None:
    with pytest.raises(AppError) as refused:
        find_interpreter("3.14", uv({"3.14": kind, "3.14+gil": kind}))
    assert str(refused.value) == (
        "There is no Python 3.14 here: install it (uv python install 3.14), or leave it out. "
        f"{tmp_path / kind / 'python3'}, which is first in the path, is another."
    )


def test_one_that_is_not_here_is_said_with_its_remedy(uv: Uv) -> None:
    with pytest.raises(AppError) as refused:
        find_interpreter("3.14", uv({}))
    assert str(refused.value) == "There is no Python 3.14 here: install it (uv python install 3.14), or leave it out."
