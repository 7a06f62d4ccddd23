"""A short look at what else this machine does: how busy its cores are and with whose work, and if its clock is set."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from stackmatrix.system import clock, linux
from stackmatrix.system.foreign import foreign_use, snapshot


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen within ``span_s`` seconds. Shares are of one core.

    ``busy_share`` is of all cores together. ``steal_share`` is the most that the hypervisor took of a core that a
    measurement uses, ``foreign_share`` what all processes but this one used, and ``foreign_name`` names the busiest.
    The wall clock was set by ``jump_s``. What the system does not tell is ``None``.
    """

    span_s: float
    busy_share: float | None
    steal_share: float | None
    foreign_share: float | None
    foreign_name: str | None
    jump_s: float


def watch(span_s: float, used: Sequence[int]) -> Watched:
    """Look for so long, in which this process does nothing; ``used`` are the cores of a measurement."""
    before, cores_before, busy_before_s = snapshot([os.getpid()]), linux.core_times(), _busy_s()
    began_s, offset_s = time.monotonic(), clock.offset_s()
    time.sleep(span_s)
    took_s, jump_s = time.monotonic() - began_s, clock.offset_s() - offset_s
    busy_s, cores, after = _busy_s(), linux.core_times(), snapshot([os.getpid()])
    # Elsewhere processes of other users, and what ended meanwhile, are not shown.
    use = foreign_use(before, after) if psutil.LINUX else None
    steal_shares = [
        (cores[core].steal_s - cores_before[core].steal_s) / took_s
        for core in used
        if cores is not None and cores_before is not None and core in cores and core in cores_before
    ]
    return Watched(
        span_s=took_s,
        busy_share=None if busy_s is None or busy_before_s is None else max(0.0, busy_s - busy_before_s) / took_s,
        steal_share=max(steal_shares, default=None),
        foreign_share=None if use is None else max(0.0, use.total_s) / took_s,
        foreign_name=f"{one.name} (process {one.pid})" if use is not None and (one := use.busiest) else None,
        jump_s=jump_s,
    )


def _busy_s() -> float | None:
    """Seconds that all cores have worked since boot."""
    try:
        times = psutil.cpu_times()
    except (OSError, RuntimeError, ValueError):
        return None
    waiting = {"idle", "iowait", "guest", "guest_nice", "steal"}  # the time of guests is part of user's
    return float(sum(seconds for name, seconds in times._asdict().items() if name not in waiting))
