"""What comes of a run: where results are written, what git makes of them, and what counts instructions."""

import tempfile
from pathlib import Path

from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import CommitError, CounterMissingError, ResultFileError, ResultsFolderError
from stackmatrix.matrix.wording import plural
from stackmatrix.measurements.counts import counters
from stackmatrix.results.diagnosis import Diagnosis, fine, stops, unknown
from stackmatrix.system import git, headroom


def results_folder(case: Case) -> Diagnosis:
    """Whether results can be written, and those that are there be read and added to."""
    if why := why_not_writable(case.folder):
        return stops(
            ResultsFolderError.exit_code,
            f"The results folder {case.folder} cannot be written ({why}): mend its permissions or choose another with "
            "--results.",
        )
    broken = [one for one in case.files.values() if isinstance(one, ResultFileError)]
    if broken:
        return stops(ResultFileError.exit_code, str(broken[0]))
    name = case.folder / case.machine_name
    if not case.files:
        return fine(f"{name} can be written; nothing of these cells is there yet.")
    blocks = sum(len(one.blocks) for one in case.files.values() if not isinstance(one, ResultFileError))
    return fine(f"{name} can be written, and has {plural(blocks, 'block')} of these cells.")


def why_not_writable(folder: Path) -> str | None:
    """Why no file can be made in a folder, or in the closest one above it that is there; ``None`` where one can."""
    there = headroom.existing(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return error.strerror or str(error)


def checkout(case: Case) -> Diagnosis:
    """Whether what was written could be committed; else what results will say of the harness's own files."""
    if case.committed:
        if why := git.why_not_committable(case.folder):
            return stops(CommitError.exit_code, f"--commit cannot be done: {why}.")
        return fine("The result files can be committed.")
    commit = git.git_commit()
    if commit is None:
        return unknown("This is no clone, or git is not here: results will not say which commit made them.")
    if commit.endswith("-dirty"):
        return fine(f"Files differ from the commit {commit[:10]}: results will say so.")
    return fine(f"Clean, at {commit[:10]}.")


def counter(case: Case) -> Diagnosis:
    """Which program counts instructions, where any has to."""
    is_wanted = "counts" in case.profile.kinds
    try:
        with tempfile.TemporaryDirectory(prefix="stackmatrix-") as folder:
            version = counters.choose(Path(folder)).version
    except CounterMissingError as error:
        if is_wanted:
            return stops(error.exit_code, str(error))
        return fine("None is here, and nothing that is measured needs one.")
    return fine(
        f"{version or 'One that does not tell its version'}{'' if is_wanted else '; not needed for what is measured'}."
    )
