"""Work on cells that stands beside their trials, such as counts: what has to be there, and where it is written."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from stackmatrix import environments, machine, store
from stackmatrix.capacity import Capacity
from stackmatrix.cost import Cost
from stackmatrix.model import FORMAT_VERSION, Cell, Environment, Instructions, Machine, Result, Run, Status
from stackmatrix.stacks import STACKS
from stackmatrix.store import Written
from stackmatrix.workloads import API_PORT

type Part = Instructions | Capacity | Cost

PARTS: dict[type, str] = {Instructions: "instructions", Capacity: "capacity", Cost: "cost"}
"""By what name each stands in the file."""


def prepare(cells: Sequence[Cell], nox_report: Path | None, console: Console) -> tuple[list[Cell], list[Cell]]:
    """The cells that can be served, and those that cannot because something failed; all that are missing are told.

    Raises:
        StackmatrixError: for what the user must mend.

    """
    missing = environments.find_missing(cells, nox_report)
    for cell, reason in missing.items():
        console.print(f"{cell}: {reason.state}, {reason.reason}.", markup=False, highlight=False)
    present = [cell for cell in cells if cell not in missing]
    need_ports(present)
    return present, [cell for cell, reason in missing.items() if reason.state == "failed"]


def need_files(folder: Path, machine_name: str, cells: Sequence[Cell]) -> None:
    """Make sure that a part can be put into every cell's file.

    Raises:
        ResultsFolderError: when the folder cannot be written.
        ResultFileError: when a file that is there cannot be read, so that writing it anew might lose something.

    """
    store.need_writable(folder)
    for cell in cells:
        store.read_earlier(folder, machine_name, cell)


def need_ports(cells: Sequence[Cell]) -> None:
    """Make sure that the external API and every cell's target can listen.

    Raises:
        PortTakenError: when one cannot.

    """
    if cells:
        machine.need_free_port(API_PORT, "the external API")
    for name in dict.fromkeys(cell.stack for cell in cells):
        machine.need_free_port(STACKS[name].port, name)


def write_beside(
    folder: Path,
    machine_name: str,
    described: Machine,
    cell: Cell,
    environment: Environment | None,
    part: Part,
) -> Written:
    """Put a part into a cell's file and leave everything else in it; make the file where there is none."""
    earlier = store.read_earlier(folder, machine_name, cell) or Result(
        format_version=FORMAT_VERSION,
        run=_run_of(part),
        cell=cell,
        status=Status(state="ok"),
        machine=described,
        environment=environment,
        trials=(),
    )
    result = msgspec.structs.replace(earlier, format_version=FORMAT_VERSION, **{PARTS[type(part)]: part})
    return Written(store.write_result(folder, machine_name, result), result)


def _run_of(part: Part) -> Run:
    """The run of a file that has no trials."""
    return Run(
        id=uuid.uuid4().hex,
        started=part.started,
        seed=0,
        profile=PARTS[type(part)],
        ladder=(),
        blocks=0,
        warmup_s=0,
        settle_s=0,
        window_s=0,
        tool_versions=machine.tool_versions(),
        tool_lock_sha256=environments.lock_sha256("tool"),
        git_commit=part.git_commit,
    )
