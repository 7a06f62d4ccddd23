"""The headline figures of each cell over the states that its file was in: points, and which of their changes are known.

Blocks add up under the same conditions, so versions of a file that share a block are looks at one evidence: the newest
of them is a point. Points are ordered by when their runs started, and named by these. So what is shown depends on what
was measured alone, and not on how often, where or under which name it was committed. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stackmatrix.analysis.comparison.contrasts import in_order, repeated_by
from stackmatrix.analysis.comparison.judge import mean_of
from stackmatrix.analysis.comparison.recorded import (
    Change,
    Measured,
    Samples,
    decide,
    draw,
    reference_beside,
    void_workloads,
)
from stackmatrix.analysis.comparison.verdicts import Estimate
from stackmatrix.analysis.metrics import COST, INSTRUCTIONS, Metric
from stackmatrix.matrix.cells import Cell
from stackmatrix.results.blocks import BlockKey
from stackmatrix.results.conditions import environment_details, machine_differences
from stackmatrix.results.model import Result

FIGURES = (COST, INSTRUCTIONS)


@dataclass(frozen=True, slots=True)
class Point:
    """A figure as it was once: when the first of its ``runs`` started, and its mean over the blocks of its own.

    ``differs`` is what else is otherwise than at the point before. Of the first point there is neither a ``change`` nor
    a ``reason`` why none is said.
    """

    started: str
    runs: tuple[str, ...]
    blocks: int
    value: Estimate
    differs: tuple[str, ...] = ()
    change: Change | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """The points of a figure of a cell, the earliest first: two or more."""

    cell: Cell
    metric: Metric
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class History:
    """All courses of a machine. ``left_out`` versions cannot be read; it ``is_known`` where git has all versions."""

    courses: tuple[Course, ...] = ()
    left_out: int = 0
    is_known: bool = False

    def of(self, workload: str, metric: Metric) -> tuple[Course, ...]:
        return tuple(one for one in self.courses if one.cell.workload == workload and one.metric is metric)


NO_HISTORY = History()


def history_of(results: Iterable[Result], earlier: Iterable[Result], left_out: int = 0) -> History:
    """The history of a machine's cells from what their files hold now and held earlier."""
    pool: dict[Cell, list[Result]] = {result.cell: [result] for result in results}
    for result in earlier:
        if result.cell in pool:
            pool[result.cell].append(result)
    courses = [
        course
        for workload in dict.fromkeys(cell.workload for cell in in_order(pool))
        for metric in FIGURES
        for course in _courses(_Versions({cell: pool[cell] for cell in pool if cell.workload == workload}, metric))
    ]
    return History(tuple(courses), left_out, is_known=True)


@dataclass(frozen=True, slots=True)
class _Versions:
    """Every version of the cells of one workload, looked at for one figure."""

    pool: Mapping[Cell, Sequence[Result]]
    metric: Metric

    def points(self, cell: Cell) -> list[Result]:
        """One version of each evidence, the earliest first."""
        seen: set[BlockKey] = set()
        found = []
        for version in sorted(self.pool[cell], key=self._newest, reverse=True):
            keys = self.metric.usable(version).keys()
            if keys and not keys & seen:
                found.append(version)
            seen |= keys
        return sorted(found, key=lambda one: self.started(one)[0])

    def _newest(self, version: Result) -> tuple[str, int]:
        return self.started(version)[-1], len(self.metric.usable(version))

    def started(self, version: Result) -> list[str]:
        """When the runs that the figure is of started, the first one first; an empty text where there is none."""
        runs = {key[0] for key in self.metric.usable(version)}
        return sorted(run.started for run in version.runs if run.id in runs) or [""]

    def beside(self, cell: Cell | None, version: Result) -> Result | None:
        """The version of another cell that shares most blocks with this one; ``None`` where none does."""
        keys = self.metric.usable(version).keys()

        def shared(one: Result) -> int:
            return len(keys & self.metric.usable(one).keys())

        found = max(self.pool.get(cell, ()) if cell else (), key=shared, default=None)
        return found if found is not None and shared(found) else None

    def measured(self, version: Result) -> Measured:
        """The version with the reference beside it, and why its runs prove nothing, where their controls failed."""
        controls = [cell for cell in self.pool if cell.control in {"twin", "planted"}]
        needed = dict.fromkeys([*controls, *map(repeated_by, controls)])
        found = [one for cell in needed if (one := self.beside(cell, version)) is not None]
        reference = self.beside(reference_beside(version.cell, self.pool), version)
        return Measured(version, reference, void_workloads(found).get(version.cell.workload))


def _courses(versions: _Versions) -> Iterator[Course]:
    """The courses of a workload's cells by one figure; their changes are judged together."""
    metric = versions.metric
    points = {cell: versions.points(cell) for cell in in_order(versions.pool) if cell.control in {None, "twin"}}
    points = {cell: some for cell, some in points.items() if len(some) > 1}
    drawn = {
        (cell, place): draw(metric, versions.measured(some[place - 1]), versions.measured(some[place]))
        for cell, some in points.items()
        for place in range(1, len(some))
    }
    decided, why = decide([one for one in drawn.values() if isinstance(one, Samples)])
    changes = iter(decided)
    said = {key: next(changes) if isinstance(one, Samples) else one for key, one in drawn.items()}
    for cell, some in points.items():
        if cell.control is None:
            shown = [_point(versions, one) for one in some]
            for place in range(1, len(some)):
                one = said[cell, place]
                shown[place] = replace(
                    shown[place],
                    differs=_differences(some[place - 1], some[place]),
                    change=one if isinstance(one, Change) and why is None else None,
                    reason=one if isinstance(one, str) else why,
                )
            yield Course(cell, metric, tuple(shown))


def _point(versions: _Versions, version: Result) -> Point:
    values = versions.metric.usable(version)
    runs = tuple(run.id for run in version.runs if run.id in {key[0] for key in values})
    return Point(versions.started(version)[0], runs, len(values), mean_of(versions.metric, values))


def _differences(before: Result, after: Result) -> tuple[str, ...]:
    if before.conditions is None or after.conditions is None:
        return ()
    environments = environment_details(before.conditions.environment, after.conditions.environment)
    return (*machine_differences(before.conditions, after.conditions), *environments)
