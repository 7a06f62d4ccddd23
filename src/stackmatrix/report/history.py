"""The history of what a request costs: how it is said, and the table and rows that show it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stackmatrix.analysis.history import Course, History, Point
from stackmatrix.matrix.wording import plural
from stackmatrix.report import words
from stackmatrix.report.html.keys import Json, key_of, short
from stackmatrix.report.table import Column, Table, name, quantity

UNKNOWN = "There is no history: these results are in no git clone that has all of its commits."
ONE_STATE = (
    "No figure of a cell has an earlier state that git keeps: blocks that were added to others are no new state."
)
RULE = (
    "A point is what was measured under the same conditions, whenever it was committed, with an interval of its own. "
    "A change has a word only where the machine, the way of measuring and the reference stack are the same: time by "
    "its ratio to that stack in the same blocks, instructions as they are."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A point of a course, in a table."""

    course: Course
    point: Point


def told(history: History) -> str:
    """What history there is, in a sentence or two."""
    if not history.is_known:
        return UNKNOWN
    older = "" if not history.left_out else f" Left out: {plural(history.left_out, 'version')} of older formats."
    return (RULE if history.courses else ONE_STATE) + older


def history_table(history: History) -> Table[Row]:
    """Every point of every course."""
    columns: Sequence[Column[Row]] = (
        name("workload", lambda row: row.course.cell.workload),
        name("stack", lambda row: row.course.cell.stack),
        name("Python", lambda row: row.course.cell.python),
        name("figure", lambda row: f"{row.course.metric.name}, {row.course.metric.unit}"),
        name("measured from", lambda row: f"{when(row.point)} ({', '.join(run[:8] for run in row.point.runs)})"),
        quantity("blocks", lambda row: str(row.point.blocks)),
        quantity("mean", lambda row: words.value(row.course.metric, row.point.value)),
        name("against the point before", lambda row: " ".join(says(row.course, row.point)) or words.NOTHING),
    )
    return Table(columns, [Row(course, point) for course in history.courses for point in course.points])


def when(point: Point) -> str:
    """When its first run started, to the minute, in UTC."""
    return point.started[:16].replace("T", " ")


def says(course: Course, point: Point) -> Iterator[str]:
    """How a point is against the one before: the word, or why there is none, and what else differs."""
    if point.change is not None:
        reference = point.change.samples.reference
        beside = "" if reference is None else f", by its ratio to {reference.stack}"
        yield f"{words.verdict(course.metric, point.change.effect, point.change.word)}{beside}."
    elif point.reason is not None:
        yield f"No word: {point.reason}"
    if point.change is not None and point.differs:
        yield f"Changed: {', '.join(point.differs)}."


def courses(found: Sequence[Course]) -> list[Json]:
    """The courses of one figure of one workload, as the report draws them, with what is said of the latest point."""
    return [
        {
            "key": f"history-{course.metric.name}-{key_of(course.cell)}",
            "stack": course.cell.stack,
            "python": course.cell.python,
            "title": words.title(course.cell),
            "word": None if latest.change is None else latest.change.word,
            "says": [f"Latest: {first}", *more],
            "points": [_drawn(course, point) for point in course.points],
        }
        for course in found
        for latest in course.points[-1:]
        for first, *more in [tuple(says(course, latest))]
    ]


def _drawn(course: Course, point: Point) -> Json:
    value = f"{words.value(course.metric, point.value)} {course.metric.unit}, {plural(point.blocks, 'block')}"
    return {
        "when": when(point),
        "mid": short(point.value.mid),
        "low": short(point.value.low),
        "high": short(point.value.high),
        "decided": point.change is not None and point.change.word != "undecided",
        "says": " ".join([f"{value}.", *says(course, point)]),
    }
