"""The clocks of a machine: what the kernel reads is told as it is, and what it does not tell is unknown."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from stackmatrix.system import clock
from stackmatrix.system.clock import Clock
from stackmatrix.system.watch import watch


def test_the_source_is_told_as_the_kernel_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "read", lambda _: "hpet\n")
    assert clock.describe().source == "hpet"
    monkeypatch.setattr(clock, "read", lambda _: None)
    assert clock.describe().source is None


def test_only_a_source_that_is_known_to_be_slow_is_called_so() -> None:
    slow = {source: Clock(source, is_synchronised=None).is_slow for source in ("tsc", "arch_sys_counter", "hpet", None)}
    assert slow == {"tsc": False, "arch_sys_counter": False, "hpet": True, None: False}


def test_a_system_without_the_call_does_not_tell_whether_it_is_kept_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clock.describe().is_synchronised is None
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert clock.describe().is_synchronised is None


def test_what_the_kernel_answers_is_whether_it_is_kept_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    answers = iter([0, 5, -1])
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(adjtimex=lambda _: next(answers)))
    assert [clock.describe().is_synchronised for _ in range(3)] == [True, False, None]


def test_a_clock_that_is_set_while_it_is_looked_at_shows_as_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead_s = iter([1000.0, 1000.0 - 3600.0])
    monkeypatch.setattr(clock, "offset_s", lambda: next(ahead_s))
    assert watch(0.01, ()).jump_s == -3600.0


def test_a_short_look_at_this_machine_tells_shares_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    found = watch(0.05, (0, 999))
    assert found.span_s >= 0.05
    assert abs(found.jump_s) < 60
    assert found.foreign_share is None or found.foreign_share >= 0
    monkeypatch.setattr(clock, "read", lambda _: None)
    monkeypatch.setattr("stackmatrix.system.linux.core_times", lambda: None)
    assert watch(0.01, (0,)).steal_share is None
