"""THE table of what is looked at before a run: each line once, by its title, in the order in which it is shown.

What a system does not tell, or tells in an odd way, never ends it: the line then says that it is unknown.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil

from stackmatrix.commands.examining import cells, evidence, machine, room
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import StackmatrixError
from stackmatrix.results.diagnosis import Diagnosis, stops, unknown

ODD = (
    ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError, psutil.Error,
    subprocess.SubprocessError,
)  # fmt: skip
"""What an odd file of the system, or one that is not there, makes a function raise."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line, and the function that finds it.

    One that ``is_quiet`` is left to the doctor: a run says it itself, or nobody has to know it before one.
    """

    title: str
    of: Callable[[Case], Diagnosis]
    is_quiet: bool = False


ROWS = (
    Row("cells", cells.chosen),
    Row("application", cells.application),
    Row("Pythons", cells.pythons, is_quiet=True),
    Row("left out", cells.left_out, is_quiet=True),
    Row("environments", cells.environments),
    Row("compiler", cells.compiler, is_quiet=True),
    Row("instruction counter", evidence.counter),
    Row("results", evidence.results_folder),
    Row("checkout", evidence.checkout),
    Row("disk", room.disks),
    Row("memory", room.memory),
    Row("open files", room.open_files),
    Row("processes", room.tasks),
    Row("CPU quota", machine.quota),
    Row("other limits", machine.other_limits),
    Row("ports", room.free_ports),
    Row("ports of serve", room.serving_ports, is_quiet=True),
    Row("listen queue", machine.listen_queue, is_quiet=True),
    Row("cores", machine.cores, is_quiet=True),
    Row("processor", machine.processor),
    Row("clock", machine.clocks),
    Row("other load", machine.load),
)


def examine(case: Case, rows: Sequence[Row] = ROWS) -> dict[str, Diagnosis]:
    """How everything stands, by title."""
    return {row.title: _examine(row, case) for row in rows}


def _examine(row: Row, case: Case) -> Diagnosis:
    try:
        return row.of(case)
    except StackmatrixError as error:
        return stops(error.exit_code, str(error))
    except ODD as error:
        told = " ".join(str(error).split())[:100]
        return unknown(f"It could not be found out here ({type(error).__name__}{f': {told}' if told else ''}).")


def name_of(case: Case) -> str:
    """The name of the machine, or that it is unknown."""
    try:
        return case.machine_name
    except ODD:
        return "unknown"


def loud(but: Sequence[str] = ()) -> tuple[Row, ...]:
    """The lines of which a run says a note before it begins, without those of some titles."""
    return tuple(row for row in ROWS if not row.is_quiet and row.title not in but)


def to_say(found: Mapping[str, Diagnosis]) -> Iterator[str]:
    """What a run says of these before it begins: its notes, each on one line."""
    yield from (f"Note on {title}: {one.sentence}" for title, one in found.items() if one.state == "note")
