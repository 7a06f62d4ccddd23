"""What stays of a cell's file when the cell is measured anew: one rule for trials and for all other parts. Pure.

What was made with other packages or another Python goes, whoever writes. What has figures is never replaced by what has
none, nor by a run that only proves the wiring.
"""

import msgspec

from stackmatrix.matrix.profiles import PROFILES
from stackmatrix.results.model import PARTS, Environment, Result, Status
from stackmatrix.results.trials import Run
from stackmatrix.results.types import Part


def put(earlier: Result | None, fresh: Result) -> Result:
    """The file of a cell once ``fresh`` is there, which holds only what was measured now.

    It equals ``earlier`` where all of that is worth more than what is fresh.
    """
    if earlier is None:
        return fresh
    if has_figures(earlier) and fresh.run is not None and _is_worth_less(fresh, earlier.run):
        return earlier
    kept: dict[str, object] = {}
    for name in PARTS:
        mine, theirs = getattr(fresh, name), getattr(earlier, name)
        if theirs is not None and mine is not None and theirs.has_figures and not mine.has_figures:
            return earlier
        if theirs is not None and mine is None and _holds(theirs, fresh.environment):
            kept[name] = theirs
    environment = fresh.environment or earlier.environment
    if fresh.run is None and _is_of(earlier.environment, environment):
        kept |= {name: getattr(earlier, name) for name in ("run", "trials", "status", "machine")}
    elif fresh.run is None:
        kept["status"] = Status(state="ok")
    return msgspec.structs.replace(fresh, environment=environment, **kept)


def has_figures(result: Result) -> bool:
    """Whether any level was measured."""
    return any(level.throughput_rps is not None for trial in result.trials for level in trial.levels)


def _is_worth_less(fresh: Result, earlier: Run | None) -> bool:
    return not has_figures(fresh) or (not compares(fresh.run) and compares(earlier))


def compares(run: Run | None) -> bool:
    """Whether what a run measured may be compared; one that only proves the wiring may not."""
    return run is not None and (run.profile not in PROFILES or PROFILES[run.profile].compares)


def _holds(part: Part, now: Environment | None) -> bool:
    return now is None or (part.lock_sha256 == now.lock_sha256 and part.python in (None, now.python))


def _is_of(earlier: Environment | None, now: Environment | None) -> bool:
    if earlier is None or now is None:
        return True
    return (earlier.lock_sha256, earlier.python) == (now.lock_sha256, now.python)
