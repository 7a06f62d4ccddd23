"""What makes the counts of two cells, or of one cell in two checkouts, alike: all but the code that is counted.

What a process executes depends a little on things that nobody means to compare: the seed of Python's hashes, how long
the paths of its modules are, how much lies above its stack, and which variant of ``memcpy`` the C library chooses for
the processor.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stackmatrix.matrix.cells import Subject
from stackmatrix.system import fixed_start, private_folders, processes

HASH_SEEDS = (11, 42, 77, 108, 137)
"""Of Python's hashes, one for each round, and the same for all cells of it: one seed alone would be a cell's luck."""

GLIBC_TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX512F,-AVX512VL,-ERMS,-FSRM"
"""Without these, an AMD of 2024 and the Intel that valgrind plays choose the very same functions of glibc 2.36."""

PATH_BYTES = 128
"""The length of each path below: private folders have less than a hundred bytes."""
BLOCK_BYTES = 16_384
"""Arguments and variables fill so much, or a multiple: a user's PATH is the longest of them."""


type Wrap = Callable[[Sequence[str]], Sequence[str]]
"""Puts a counter before a command."""


@dataclass(frozen=True, slots=True)
class FixedPlaces:
    """Paths of one length: links to a target's environment and to the project's sources, and an empty folder.

    In ``folder`` it is started, as servers put the folder that they are started in on Python's path. A target of
    somebody's own application has a place and a path of its own, and ``keeps`` them.
    """

    prefix: Path
    source: Path
    folder: Path
    keeps: bool = False

    def move(self, subject: Subject) -> Subject:
        """The subject with its environment at the link."""
        return replace(subject, environment=replace(subject.environment, prefix=self.prefix))

    def variables(self, hash_seed: int) -> dict[str, str]:
        """What a counted process is given beside what a measured one is."""
        path = {} if self.keeps else {"PYTHONPATH": str(self.source)}
        return {
            **path,
            "PYTHONHASHSEED": str(hash_seed),
            "GLIBC_TUNABLES": GLIBC_TUNABLES,
        }

    def start(self, command: Sequence[str], wrap: Wrap, variables: Mapping[str, str]) -> tuple[str, ...]:
        """The command line that starts a target's command under a counter, with these variables."""
        own = self.by_interpreter(command)
        given = (f"{name}={value}" for name, value in variables.items())
        where = () if self.keeps else (f"--folder={self.folder}",)
        fixed = (*where, f"--block={BLOCK_BYTES}", f"--beside={argument_bytes(own)}", "--")
        return ("env", *given, sys.executable, "-m", fixed_start.__name__, *fixed, *wrap(own))

    def by_interpreter(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command, a script of the environment being run by the environment's Python at the link.

        Its first line names the Python at its real place, and from there Python finds the packages.
        """
        program = Path(shutil.which(command[0]) or command[0])
        with program.open("rb") as file:
            is_script = file.read(2) == b"#!"
        return (str(self.prefix / "bin" / "python"), *command) if is_script else tuple(command)


@contextlib.contextmanager
def fixed_places(subject: Subject) -> Iterator[FixedPlaces]:
    """Make them, and remove them at the end."""
    private = private_folders.make()
    try:
        prefix, source, folder = (_path(private, name) for name in ("environment", "source", "folder"))
        places = FixedPlaces(prefix, source, folder, keeps=subject.app.arranger is not None)
        places.prefix.symlink_to(subject.environment.prefix, target_is_directory=True)
        places.source.symlink_to(processes.SOURCE, target_is_directory=True)
        places.folder.mkdir()
        yield places
    finally:
        private_folders.remove(private)


def _path(folder: Path, name: str) -> Path:
    return folder / name.ljust(PATH_BYTES - len(os.fsencode(folder)) - 1, "-")


def argument_bytes(command: Sequence[str]) -> int:
    """The bytes above its stack that a command's arguments take, and the name of its program, see execve(2)."""
    return sum(len(os.fsencode(part)) + 1 for part in (command[0], *command))
