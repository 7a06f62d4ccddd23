"""What results/report.html shows, as plain data for the page's own script. Pure.

Every word, rounding and verdict is made here, in the words of the other pages; the script chooses and draws.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import quote

from stackmatrix.analysis.evidence import strongest_first
from stackmatrix.analysis.history import NO_HISTORY, History
from stackmatrix.analysis.metrics import COST
from stackmatrix.analysis.summary import CellSummary, MachineSummary, WorkloadSummary, order_of
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import newest_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import charts, environment, history, many, stops, tables, unsaid, words
from stackmatrix.report.html import figures, load
from stackmatrix.report.html.keys import Json, key_of
from stackmatrix.report.statements import further, numbered, statements
from stackmatrix.report.table import Table

NONE: Mapping[str, History] = MappingProxyType({})


def report_data(
    machines: Sequence[MachineSummary], left_out: Sequence[str] = (), past: Mapping[str, History] = NONE
) -> Json:
    """All machines, the one with the strongest evidence first. ``left_out`` has the reason for each file left out.

    ``past`` is their history, by name.
    """
    cells = [row.cell for machine in machines for workload in machine.workloads for row in workload.rows]
    stacks = sorted({cell.stack for cell in cells}, key=order_of(STACKS))
    signs = charts.looks(stacks)
    return {
        "leftOut": [f"Left out: {text}" for text in left_out],
        "looks": {
            stack: {"colour": colour, "shape": shape, "sign": charts.SIGNS[shape]}
            for stack, (colour, shape) in signs.items()
        },
        "dashes": charts.dashes(cell.python for cell in cells),
        "machines": [
            _machine(one.machine, past.get(one.machine.name, NO_HISTORY))
            for one in strongest_first(machines)
            if one.machine.workloads
        ],
    }


def _machine(machine: MachineSummary, past: History) -> Json:
    found = statements(machine)
    return {
        "name": machine.name,
        "about": environment.describe(machine.machine) if machine.machine else "",
        "statements": [
            {
                "key": f"answer-{one.key}",
                "number": number,
                "folded": one.is_folded,
                "lead": one.lead,
                "text": one.text,
                "evidence": one.evidence,
            }
            for number, one in numbered(found)
        ],
        "further": further(sum(one.is_folded for one in found)),
        "conditions": list(environment.conditions(machine)),
        "history": history.told(past),
        "workloads": [_workload(machine, one, past) for one in machine.workloads],
    }


def _workload(machine: MachineSummary, workload: WorkloadSummary, past: History) -> Json:
    """Everything about one workload. ``first`` are the stacks that charts show until others are chosen."""
    ramps = list(load.ramps(workload))
    return {
        "name": workload.name,
        "title": f"{workload.name}: {workload.summary}" if workload.summary else workload.name,
        "void": _void(workload),
        "ranking": _ranking(machine, workload),
        "cells": [_cell(row) for row in workload.rows],
        "first": list(many.on_the_first_page(workload)),
        "figures": [figures.figure(workload, family, past) for family in workload.families],
        "ramps": ramps,
        "limits": load.limits(ramps),
        "stops": _stops(machine, workload),
        "distributions": list(load.distributions(workload)),
        "distributionNote": load.distribution_note(workload),
        "remarks": unsaid.remarks(workload),
    }


def _void(workload: WorkloadSummary) -> str | None:
    if workload.void is None:
        return None
    return f"Void: these runs of {workload.name} prove nothing, and nothing is claimed of them. {workload.void}"


def _cell(row: CellSummary) -> Json:
    conditions = row.result.conditions
    return {
        "stack": row.cell.stack,
        "python": row.cell.python,
        "title": words.title(row.cell),
        "environment": list(environment.served(conditions.environment)) if conditions else [],
    }


def _ranking(machine: MachineSummary, workload: WorkloadSummary) -> Json:
    """The table of the other pages, the newest Python first, by rank, with where each row's data is."""
    table, family = tables.overview_table(machine, workload), workload.family(COST)
    ranks: Mapping[Cell, int] = family.ranks if family is not None else {}
    newest_first = sorted({row.cell.python for row in table.rows}, key=newest_key, reverse=True)
    rows = [
        {
            "key": f"rank-{key_of(row.cell)}",
            "stack": row.cell.stack,
            "python": row.cell.python,
            "texts": [str(ranks.get(row.cell, words.NOTHING)), *texts],
            "data": quote(tables.result_path(machine, row)),
        }
        for row, texts in sorted(
            zip(table.rows, table.cells, strict=True),
            key=lambda one: (newest_first.index(one[0].cell.python), ranks.get(one[0].cell, len(ranks))),
        )
    ]
    shared = f"Ranks are by {COST.title}, among the stacks on one Python, shared where nothing tells them apart."
    notes = [*([shared] if ranks else []), *([table.note] if table.note else []), "A stack's name leads to its data."]
    if family is not None:
        notes.append(words.controls(COST, family.controls))
    return {
        "heads": [
            {"text": "rank", "number": True, "leads": False},
            *_heads(table),
        ],
        "rows": rows,
        "notes": notes,
    }


def _stops(machine: MachineSummary, workload: WorkloadSummary) -> Json:
    """The table of the other pages of what a deploy does to visitors, with where each row's data is."""
    table = stops.stop_table(workload)
    rows = [
        {
            "key": f"stop-{key_of(row.cell)}",
            "stack": row.cell.stack,
            "python": row.cell.python,
            "texts": texts,
            "data": quote(tables.result_path(machine, row)),
        }
        for row, texts in zip(table.rows, table.cells, strict=True)
    ]
    return {"heads": _heads(table), "rows": rows, "notes": [table.note] if table.note else []}


def _heads(table: Table[CellSummary]) -> list[Json]:
    """The headings of a table of cells, whose first column leads to their files."""
    return [{"text": one.heading, "number": one.is_number, "leads": one.heading == "stack"} for one in table.columns]
