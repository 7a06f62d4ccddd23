"""What must be known of pages whose delays nobody declares before they are measured: their time, and a fit rate."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.errors import ResultFileError, SupervisorError, TrialError
from stackmatrix.matrix.cells import Subject
from stackmatrix.measurements.cost.rate import compare_rate_of
from stackmatrix.results import store
from stackmatrix.system.cores import Layout
from stackmatrix.testbed import testbed
from stackmatrix.testbed.unloaded import TIMES, measure_unloaded

DIGITS = 2
"""Significant ones of a time: what is late must not hang on which run looked first."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """How long each page takes when nothing else is asked for, in ms by its name, and a fit rate of arrivals."""

    unloaded_ms: Mapping[str, float]
    rate: float


def look(subjects: Sequence[Subject], layout: Layout, show: Callable[[str], None]) -> FirstLook:
    """Look at the pages on the first subject that serves them.

    Raises:
        TrialError, SupervisorError: when none does, with the reason of the first.

    """
    failures: list[TrialError | SupervisorError] = []
    for subject in subjects:
        try:
            return _look(subject, layout, show)
        except (TrialError, SupervisorError) as error:
            failures.append(error)
    raise failures[0]


def _look(subject: Subject, layout: Layout, show: Callable[[str], None]) -> FirstLook:
    found: dict[str, float] = {}
    with testbed.start([subject], layout, None, show) as bed:
        bed.verify()
        show("asking for each page alone")
        uses = bed.meters.span(lambda: found.update(measure_unloaded(bed)))
    cost_ms = 1000 * uses[subject.name].cpu_s / (TIMES * len(found))
    rounded = {name: float(f"{ms:.{DIGITS}g}") for name, ms in found.items()}
    return FirstLook(rounded, compare_rate_of(cost_ms))


def kept_rate(folder: Path, machine: str, workloads: Iterable[str]) -> float | None:
    """The reference rate at which earlier runs on this machine have measured; ``None`` where none has."""
    wanted = set(workloads)
    for name, result in store.read_results(folder):
        if name == machine and not isinstance(result, ResultFileError) and result.cell.workload in wanted:
            for ramp in reversed(result.ramps):
                if ramp.reference is not None:
                    return ramp.reference.rate
    return None
