"""Whether a cell sustains what it held, in a result file: minutes at four fifths of it, with one stall."""

from stackmatrix.results.blocks import Block
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.ramps import RampSeconds, Recovery
from stackmatrix.results.types import Count, NonNegative, Whole


class Hold(Block, frozen=True, kw_only=True):
    """A fresh process at one rate; it was stopped (SIGSTOP) for ``stall_s`` at ``stalled_at_s`` of the window.

    ``held`` is what its ramps held, of which ``rate`` is a part. ``sustained`` says that no backlog was left at the end
    and that it recovered from the stall. Latencies are of the requests that were to be
    answered before the stall; ``recovery`` is counted from its end.
    """

    seed: Whole
    rate: NonNegative
    held: NonNegative
    window_s: NonNegative
    stall_s: NonNegative
    stalled_at_s: NonNegative
    requests: Count
    failures: dict[str, Count]
    latency_ms: LatencyMs | None
    recovery: Recovery | None
    seconds: RampSeconds | None
    sustained: bool
