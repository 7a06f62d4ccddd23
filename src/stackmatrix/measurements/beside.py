"""Work on cells that stands beside their trials, such as counts: what has to be there, and where it is written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import API_PORT
from stackmatrix.results import store
from stackmatrix.results.keeping import put
from stackmatrix.results.model import FORMAT_VERSION, Environment, Machine, Part, Result, Status, part_name
from stackmatrix.results.store import Written
from stackmatrix.system import ports
from stackmatrix.testbed import environments


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
        ports.need_free_port(API_PORT, "the external API")
    for name in dict.fromkeys(cell.stack for cell in cells):
        ports.need_free_port(STACKS[name].port, name)


def write_beside(
    folder: Path,
    machine_name: str,
    described: Machine,
    cell: Cell,
    environment: Environment | None,
    part: Part,
) -> Written:
    """Put a part into a cell's file, with what else in it still holds; make the file where there is none."""
    parts: dict[str, Any] = {part_name(part): part}
    fresh = Result(
        format_version=FORMAT_VERSION,
        run=None,
        cell=cell,
        status=Status(state="ok"),
        machine=described,
        environment=environment,
        trials=(),
        **parts,
    )
    earlier = store.read_earlier(folder, machine_name, cell)
    result = put(earlier, fresh)
    is_new = result != earlier
    path = store.write_result(folder, machine_name, result) if is_new else store.path_of(folder, machine_name, cell)
    return Written(path, result, is_new=is_new)
