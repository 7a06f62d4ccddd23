"""What the applications of targets raise, read from the files that their processes write.

Nobody is asked, so all is known at once, however busy a target is. The built-in site has no such file.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from stackmatrix.analysis.exceptions import limits_of, name_all
from stackmatrix.matrix.cells import Subject
from stackmatrix.results.findings import Finding
from under_test.raised import MOST_BYTES, Raised


@dataclass
class RaisedLogs:
    """The files of subjects in a testbed's folder, each from where it was last read."""

    subjects: Sequence[Subject]
    folder: Path
    _read_bytes: dict[str, int] = field(default_factory=dict)

    def take(self, subject: Subject) -> tuple[Finding, ...]:
        """What was raised since this was last asked, each kind once, and why where it is known."""
        path, arranger = path_of(subject, self.folder), subject.app.arranger
        if arranger is None or not path.exists():
            return ()
        with path.open("rb") as file:
            file.seek(self._read_bytes.get(subject.name, 0))
            # Of the last line somebody may be writing the rest. What writes it stops there, too.
            lines = [line for line in file.read(MOST_BYTES).splitlines(keepends=True) if line.endswith(b"\n")]
        self._read_bytes[subject.name] = self._read_bytes.get(subject.name, 0) + sum(map(len, lines))
        known = limits_of(subject.stack, arranger.databases(subject.stack.serves_views_of))
        return name_all(_read(lines), known)

    def take_all(self) -> tuple[tuple[Finding, ...], ...]:
        """That of each subject, in their order."""
        return tuple(map(self.take, self.subjects))


def _read(lines: Sequence[bytes]) -> Iterator[Raised]:
    """The exceptions of lines, but for what a full disk has left of some."""
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            yield msgspec.json.decode(line, type=Raised)


def path_of(subject: Subject, folder: Path) -> Path:
    """Where a subject's processes write."""
    return folder / f"{subject.name}.raised"
