"""What a stop does to visitors, in a result file: SIGTERM to a fresh process with requests in flight."""

from stackmatrix.results.blocks import Block
from stackmatrix.results.types import Count, NonNegative, Struct


class Visitors(Struct, frozen=True):
    """What became of some visitors who asked for the page once.

    ``answered`` got the right page, and ``wrong`` another answer, such as an error. ``cut_off`` had their connection
    closed or reset without a whole answer, ``refused`` got none, and ``unanswered`` still waited at the deadline.
    """

    answered: Count = 0
    wrong: Count = 0
    cut_off: Count = 0
    refused: Count = 0
    unanswered: Count = 0

    @property
    def all(self) -> int:
        return self.answered + self.wrong + self.cut_off + self.refused + self.unanswered

    @property
    def lost(self) -> int:
        """Those who were let in and not served: a refused one can be sent elsewhere by a load balancer."""
        return self.wrong + self.cut_off + self.unanswered

    def __add__(self, other: "Visitors") -> "Visitors":
        return Visitors(
            answered=self.answered + other.answered,
            wrong=self.wrong + other.wrong,
            cut_off=self.cut_off + other.cut_off,
            refused=self.refused + other.refused,
            unanswered=self.unanswered + other.unanswered,
        )


class StopTrial(Struct, frozen=True):
    """One stop of a fresh, warm process.

    ``inside`` had reached the view when the signal was sent, ``queued`` had sent their request and waited for a slot,
    and ``late`` came after the signal, as long as any process was there. Times are seconds from the signal:
    ``first_gone_s`` until the process that got it had ended, ``gone_s`` until the last one of its tree had; ``None``
    where that took longer than the deadline. ``left`` are the names of the processes that were killed then.

    ``kept`` says whether the server kept an idle connection open until the signal; it was closed after
    ``kept_closed_s``, ``None`` where it was not before the deadline.
    """

    inside: Visitors
    queued: Visitors
    late: Visitors
    first_gone_s: NonNegative | None
    gone_s: NonNegative | None
    left: tuple[str, ...]
    kept: bool
    kept_closed_s: NonNegative | None


class Stop(Block, frozen=True, kw_only=True):
    """Some stops of one cell, one after the other, each of a fresh process.

    ``in_flight`` requests were under way at each signal; what was not gone ``deadline_s`` after it was killed. Where a
    page of the workload comes too soon to be met by the signal, each request was held inside the application for
    ``held_ms`` by a wait of the harness's own, and no page was asked for; else that is ``None``.
    """

    in_flight: Count
    deadline_s: NonNegative
    trials: tuple[StopTrial, ...]
    held_ms: Count | None = None
