"""How a command that measures goes: run, show what was measured, commit if asked, and name what failed."""

from collections.abc import Callable, Sequence

from stackmatrix.measurements.runner import Runner
from stackmatrix.results.model import Result
from stackmatrix.system import git


def measure(runner: Runner, show: Callable[[Sequence[Result]], None], subject: str, *, commit: bool) -> None:
    """Run; what was measured until Ctrl-C is shown, too. ``subject`` begins the message of a commit.

    Raises:
        CellsFailedError: when a cell failed; everything else was done before.

    """
    try:
        runner.run()
    finally:
        written = runner.files
        show([one.result for one in written])
        for one in written:
            kept = "" if one.is_new else " (the earlier figures are worth more and stay)"
            runner.console.print(f"{one.path}{kept}", soft_wrap=True, highlight=False, markup=False)
    new = [one for one in written if one.is_new]
    if commit and new:
        cells = "\n".join(str(one.result.cell) for one in new)
        git.commit([one.path for one in new], f"{subject}: {len(new)} cells on {runner.machine_name}\n\n{cells}\n")
    runner.need_all()
