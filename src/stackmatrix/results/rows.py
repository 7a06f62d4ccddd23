"""One recorded request as 36 bytes, written by the recorder inside locust and read by the harness.

Times are seconds of the monotonic clock, which all processes of one machine share. Only the standard library is
imported: the load generator should carry nothing it does not need.
"""

import struct

ROW = struct.Struct("<dddHBBHBBHH")
"""intended, sent, done; level, phase, outcome, HTTP status (0 if none), connections opened, attempts, target, page."""

FIELDS = (
    ("intended_s", "<f8"),
    ("sent_s", "<f8"),
    ("done_s", "<f8"),
    ("level", "<u2"),
    ("phase", "u1"),
    ("outcome", "u1"),
    ("status", "<u2"),
    ("opened", "u1"),
    ("attempts", "u1"),
    ("target", "<u2"),
    ("page", "<u2"),
)
"""The same layout by name, in numpy's notation."""

WARMUP_LEVEL = 0xFFFF

PHASES = ("settle", "window", "tail")
SETTLE, WINDOW, TAIL = range(len(PHASES))

OUTCOMES = ("ok", "status", "time-out", "connection", "wrong body", "no free slot", "generator exhausted", "unfinished")
OK, STATUS, TIMED_OUT, CONNECTION, WRONG_BODY, NO_SLOT, EXHAUSTED, UNFINISHED = range(len(OUTCOMES))
"""What became of a request; everything but ``ok`` is a failure of its own class.

``unfinished`` were under way when a ramp ended: ``done_s`` is when they were given up.
"""
