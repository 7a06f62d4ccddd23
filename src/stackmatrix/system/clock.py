"""The clocks of this machine: which one the kernel reads, whether it is kept right, and whether it was set meanwhile.

What is measured is timed by the monotonic clock. The wall clock only says when a run was made; that it jumps, or that
reading it takes a call of the kernel, is a sign of a machine that is not left alone.
"""

import ctypes
import sys
import time
from dataclasses import dataclass

from stackmatrix.system.linux import read

SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
READ_DIRECTLY = ("tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page", "riscv_clocksource", "timebase")
"""Sources that a process reads by itself. With any other each look at the clock is a call of the kernel."""
TIME_ERROR, UNSYNCHRONISED = 5, 0x40
"""What adjtimex(2) returns of a clock that is not kept right, and the bit of its status that says so."""


class Timex(ctypes.Structure):
    """The beginning of the kernel's ``struct timex``, with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("most_error", ctypes.c_long),
        ("error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """``source`` is what the kernel reads; both are ``None`` where the system does not tell."""

    source: str | None
    is_synchronised: bool | None

    @property
    def is_slow(self) -> bool:
        """Whether each look at it is known to be a call of the kernel."""
        return self.source is not None and self.source not in READ_DIRECTLY


def describe() -> Clock:
    source = read(SOURCE)
    return Clock(source.strip() if source and source.strip() else None, _is_synchronised())


def offset_s() -> float:
    """How far the wall clock is ahead of the monotonic one, in seconds: it changes when somebody sets the clock."""
    return time.time() - time.monotonic()


def _is_synchronised() -> bool | None:
    if sys.platform != "linux":
        return None
    told = Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))  # no modes: it changes nothing
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR and not told.status & UNSYNCHRONISED
