"""Reads what a target says of itself. What answers in its place, as an application that takes every path, is none."""

import contextlib

import msgspec

from stackmatrix.results.types import PythonBuild
from stackmatrix.system.http import Answer
from under_test.identity import Identity

MOST_CHARACTERS = 500_000
"""The versions of a thousand packages are a tenth of it."""


class _Process(msgspec.Struct):
    pid: int


def read(answer: Answer) -> Identity | None:
    """What an answer says; ``None`` where it says something else."""
    if answer.status != 200 or len(answer.body) > MOST_CHARACTERS:
        return None
    with contextlib.suppress(ValueError, RecursionError):
        identity = msgspec.json.decode(answer.body, type=Identity)
        msgspec.convert(identity.python, PythonBuild)
        return identity
    return None


def read_pid(answer: Answer) -> int | None:
    """Which process has answered; ``None`` where it does not say."""
    if answer.status == 200:
        with contextlib.suppress(ValueError, RecursionError):
            return msgspec.json.decode(answer.body, type=_Process).pid
    return None
