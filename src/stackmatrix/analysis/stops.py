"""What the stops of a cell showed, over all its trials. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from stackmatrix.analysis.samples import Sample, sample
from stackmatrix.results.stops import Stop, StopTrial, Visitors


@dataclass(frozen=True, slots=True)
class Stopped:
    """Visitors added up over ``trials`` stops: those in the view at the signal, those in a queue, and later ones.

    ``gone_s`` is the time until the last process had ended, of those trials in which it did; ``first_gone_s`` that of
    the one which got the signal. In ``stayed`` trials something was left after ``deadline_s``, by the names ``left``.
    In ``kept`` trials the server kept an idle connection until the signal, and closed it after ``closed_s``.
    ``held_ms`` is how long a wait of the harness's own held requests, where it did in any of them.
    """

    trials: int
    deadline_s: float
    inside: Visitors
    queued: Visitors
    late: Visitors
    first_gone_s: Sample | None
    gone_s: Sample | None
    stayed: int
    left: tuple[str, ...]
    kept: int
    closed_s: Sample | None
    held_ms: int | None = None

    @property
    def in_flight(self) -> Visitors:
        """All whose request had been sent before the signal."""
        return self.inside + self.queued

    @property
    def answers_all(self) -> bool:
        """Whether everybody in flight was answered right."""
        return self.in_flight.answered == self.in_flight.all


def stopped(blocks: Iterable[Stop]) -> Stopped | None:
    """What valid blocks of one cell showed; ``None`` where there is no trial."""
    valid = [block for block in blocks if block.is_valid]
    trials: list[StopTrial] = [trial for block in valid for trial in block.trials]
    if not trials:
        return None
    return Stopped(
        trials=len(trials),
        deadline_s=max(block.deadline_s for block in valid),
        inside=sum((trial.inside for trial in trials), Visitors()),
        queued=sum((trial.queued for trial in trials), Visitors()),
        late=sum((trial.late for trial in trials), Visitors()),
        first_gone_s=sample(trial.first_gone_s for trial in trials),
        gone_s=sample(trial.gone_s for trial in trials),
        stayed=sum(trial.gone_s is None for trial in trials),
        left=tuple(dict.fromkeys(name for trial in trials for name in trial.left)),
        kept=sum(trial.kept for trial in trials),
        closed_s=sample(trial.kept_closed_s for trial in trials),
        held_ms=max((block.held_ms for block in valid if block.held_ms is not None), default=None),
    )
