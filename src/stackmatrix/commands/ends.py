"""How verbs end that put a part into cells' files: what was written is told and committed, and failures are named."""

from collections.abc import Sequence

from rich.console import Console

from stackmatrix.errors import CellsFailedError
from stackmatrix.matrix.cells import Cell
from stackmatrix.results.store import Written
from stackmatrix.system import git


def tell_paths(console: Console, written: Sequence[Written]) -> None:
    """Print where everything is."""
    for one in written:
        stays = "" if one.is_new else " (the earlier figures are worth more and stay)"
        console.print(f"{one.path}{stays}", soft_wrap=True, highlight=False, markup=False)


def commit_parts(written: Sequence[Written], subject: str) -> None:
    """Commit exactly these files, with the cells below the subject; nothing where there is none."""
    new = [one for one in written if one.is_new]
    cells = "\n".join(str(one.result.cell) for one in new)
    git.commit([one.path for one in new], f"{subject}\n\n{cells}\n")


def need_all(failed: Sequence[Cell], done: str) -> None:
    """Say which cells failed.

    Raises:
        CellsFailedError: when any did.

    """
    if failed:
        names = "; ".join(map(str, failed))
        raise CellsFailedError(f"{len(failed)} cells could not be {done} ({names}): the lines above say why.")
