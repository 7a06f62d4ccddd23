"""A comparison in other tools' formats: Bencher's, the list of github-action-benchmark, and CSV. Pure.

The first two follow the head's values over time, each under the name of its cell; what differs is for CSV and JSON.
"""

import csv
import io
from collections.abc import Iterator

import msgspec

from stackmatrix.outside.documents import write_json
from stackmatrix.outside.text import one_line
from stackmatrix.report.comparison.table import change, key
from stackmatrix.report.literal import spreadsheet
from stackmatrix.results.comparison import ComparedFigure, ComparisonDocument


def to_bencher(document: ComparisonDocument) -> bytes:
    """Bencher Metric Format: by cell and figure the head's value, with its own interval where that is known."""
    cells: dict[str, dict[str, dict[str, float]]] = {}
    for one, value in _values(document):
        metric = {"value": value}
        if one.head_low is not None and one.head_high is not None:
            metric |= {"lower_value": one.head_low, "upper_value": one.head_high}
        cells.setdefault(_cell(one), {})[one.figure] = metric
    return _as_json(cells)


def to_benchmark(document: ComparisonDocument) -> bytes:
    """The list of github-action-benchmark's ``customSmallerIsBetter``, without what is better when larger."""
    rows = []
    for one, value in _values(document):
        if one.higher_is_better:
            continue
        row = {"name": f"{_cell(one)}: {one_line(one.title)}", "unit": one_line(one.unit), "value": value}
        if one.head_low is not None and one.head_high is not None:
            row["range"] = f"± {(one.head_high - one.head_low) / 2:.{one.digits}f}"
        base = "" if one.base is None else f" (base: {one.base:.{one.digits}f} {one.unit})"
        rows.append({**row, "extra": f"{one.word}: {change(one)}{base}"})
    return _as_json(rows)


def to_csv(document: ComparisonDocument) -> bytes:
    """Every field of every figure, with what is compared before them, and the gate's outcome behind; RFC 4180."""
    front = {"machine": document.machine, "started": document.started, "app": document.app}
    front |= {"base_title": document.base.title, "head_title": document.head.title}
    gated = {} if document.gate is None else {key(one): one for one in document.gate.figures if not one.is_budget}
    text = io.StringIO()
    names = [*front, *ComparedFigure.__struct_fields__, "gate", "gate_limit"]
    rows = csv.DictWriter(text, names, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    rows.writeheader()
    for one in document.figures:
        judged = gated.get(key(one))
        gate = {"gate": judged and judged.outcome, "gate_limit": judged and judged.limit}
        row = {**front, **msgspec.structs.asdict(one), **gate}
        rows.writerow({name: spreadsheet(value) if isinstance(value, str) else value for name, value in row.items()})
    return text.getvalue().encode()


def _values(document: ComparisonDocument) -> Iterator[tuple[ComparedFigure, float]]:
    yield from ((one, one.head) for one in document.figures if one.head is not None)


def _cell(one: ComparedFigure) -> str:
    """The head's cell."""
    return one_line(f"{one.other_stack} on {one.other_python}, {one.workload}", 1000)


def _as_json(content: object) -> bytes:
    return write_json(content, indent=1).encode() + b"\n"
