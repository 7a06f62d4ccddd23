"""The copy of a project that everything runs in: set-up migrates, fills and flushes, and never in the user's folder.

It holds git's files, so that neither a database nor a file of secrets comes along; without git all files but those that
tools leave behind.
"""

import fnmatch
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from stackmatrix.errors import AppFileError
from stackmatrix.system.git import why_not_read
from stackmatrix.system.git_command import ask

LEFT_BEHIND = (
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", "*.pyc", ".tox", ".nox", ".mypy_cache",
    ".pytest_cache", ".ruff_cache", ".idea", ".vscode",
)  # fmt: skip
"""What tools leave in a folder, by name."""
PRIVATE = (".env", ".env.local", ".env.production", "*.sqlite3", "*.sqlite3-*", "db.sqlite", "*.log")
"""Somebody's own data and secrets, by name: left out unless git has them in a commit."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a project's files. ``sha256`` is that of their names and contents, before any set-up."""

    folder: Path
    sha256: str
    files: int
    notes: tuple[str, ...]


def make(
    project: Path,
    folder: Path,
    *,
    file: Path,
    written: Mapping[str, str] = MappingProxyType({}),
    copied: Mapping[str, Path] = MappingProxyType({}),
    fill: Callable[[str, str], str] = lambda text, _: text,
) -> Copy:
    """Copy a project into a new folder, and put the files that its app's file names into it, with variables filled in.

    Raises:
        AppFileError: when a file would lie outside of it.

    """
    names, notes = _names(project)
    folder.mkdir(parents=True)
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (project / name).is_symlink():
            notes += _copy_link(project, name, target)
        else:
            shutil.copy2(project / name, target)
    for place, text in written.items():
        _write(folder, place, text, fill)
    for place, source in copied.items():
        _write(folder, place, source, fill)
    return Copy(folder, _digest(project, names, file, copied), len(names), tuple(notes))


def _names(project: Path) -> tuple[list[str], list[str]]:
    """The names of the files that are copied, and what to say about them."""
    tracked, others = _git(project, "--cached", "--recurse-submodules"), _git(project, "--others", "--exclude-standard")
    if tracked is None or others is None or not tracked + others:
        why = why_not_read(project) or f"{project.name} is no git repository"
        names = sorted(name for name in _walk(project) if (project / name).is_file() or (project / name).is_symlink())
        return names, [f"{why}: all of its files are copied"]
    private = [name for name in others if _is_private(name)]
    names = sorted({*tracked, *others} - set(private))
    notes = [f"left out, since git does not have it: {name}" for name in private if _is_one_of(name, PRIVATE)]
    return [name for name in names if (project / name).is_file() or (project / name).is_symlink()], notes[:5]


def _git(project: Path, *which: str) -> list[str] | None:
    listed = ask(project, "ls-files", "-z", *which)
    return None if listed is None else [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _walk(project: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(project):
        here = Path(folder)
        folders[:] = [
            name for name in folders if not _is_one_of(name, LEFT_BEHIND) and not (here / name / "pyvenv.cfg").exists()
        ]
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (str((here / name).relative_to(project)) for name in (*files, *links) if not _is_private(name))


def _is_private(name: str) -> bool:
    return _is_one_of(name, (*PRIVATE, *LEFT_BEHIND))


def _is_one_of(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(part, pattern) for part in Path(name).parts for pattern in patterns)


def _copy_link(project: Path, name: str, target: Path) -> list[str]:
    """Have a link lead to the same file of the copy, or copy what it leads to elsewhere; returns what to say of that.

    A link that leads out of the copy would let a server write into what is not the harness's.
    """
    led = (project / name).resolve()
    if led.is_relative_to(project.resolve()):
        inside = target.parents[len(Path(name).parts) - 1] / led.relative_to(project.resolve())
        target.symlink_to(os.path.relpath(inside, target.parent))
        return []
    if _is_private(led.name) or not led.exists():
        return [f"left out, since it leads out of the project: {name}"]
    if led.is_dir():
        shutil.copytree(led, target, ignore=_not_copied)
    else:
        shutil.copy2(led, target)
    return [f"{name} leads out of the project, and is a copy of what is there now"]


def _not_copied(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if _is_private(name) or (Path(folder) / name).is_symlink()]


def _write(folder: Path, place: str, content: str | Path, fill: Callable[[str, str], str]) -> None:
    target = (folder / place).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise AppFileError(f"files: {place!r} lies outside of the project.")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        text = content if isinstance(content, str) else content.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        shutil.copyfile(content, target)  # no text, so there is nothing to fill in
        return
    target.write_text(fill(text, f"files.{place}"), encoding="utf-8")


def _digest(project: Path, names: Iterable[str], file: Path, copied: Mapping[str, Path]) -> str:
    """The hash of a project's files, of the app's file, and of those that it takes from beside it."""
    digest = hashlib.sha256()
    for name in names:
        path = project / name
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    # Their variables are filled in with ports, which differ from run to run: what is hashed is what they say.
    for path in (file, *(copied[place] for place in sorted(copied))):
        content = path.read_bytes() if path.is_file() else b""  # a file that is being written for the first time
        digest.update(f"{len(content)}\0".encode() + content)
    return digest.hexdigest()
