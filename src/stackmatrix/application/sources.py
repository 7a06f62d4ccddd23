"""What the key ``install`` names, as lines that uv resolves: locks, requirement files, the project, names, groups."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from stackmatrix.application import poetry
from stackmatrix.application.poetry import read_toml
from stackmatrix.application.uv import run
from stackmatrix.errors import AppError
from stackmatrix.outside.files import MOST_LOCK_BYTES, read

DEFAULTS = ("uv.lock", "poetry.lock", "requirements.txt")
"""Looked for in this order; then the [project] of pyproject.toml."""

OPTION = re.compile(r"(?:^|\s)--(group|extra)(?:\s+|=)(\S+)")
INDEX_LINE = re.compile(r"^\s*(?:--(?:extra-)?index-url|-i|--find-links|-f)(?:\s+|=)\S+", re.MULTILINE)
INCLUDED = re.compile(r"^\s*(?:-r|--requirement)(?:\s+|=)?(\S+)", re.MULTILINE)
HIGHEST_PATCH = 50
"""Far beyond the patch releases that any Python has had."""


@dataclass(frozen=True, slots=True)
class Named:
    """The items of ``install``, by what they are."""

    locks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """``.`` with its extras, or another folder or wheel."""
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    pyproject: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """What uv is given: requirement lines, options with files, constraint lines, lines with addresses of indexes."""

    lines: tuple[str, ...]
    options: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    indexes: tuple[str, ...] = field(default=(), repr=False)
    """They may hold passwords: given to uv, and written nowhere."""


def default_install(project: Path) -> tuple[str, ...]:
    """What is installed where ``install`` is not given.

    Raises:
        AppError: when the project says nowhere what it needs.

    """
    for name in DEFAULTS:
        if (project / name).is_file():
            return (name,)
    pyproject = project / "pyproject.toml"
    if pyproject.is_file():
        if "project" in read_toml(pyproject):
            return ("pyproject.toml",)
        raise AppError(
            f"{project} has neither uv.lock nor poetry.lock or requirements.txt, and no [project] in pyproject.toml; "
            'say what to install: install = ["django"]'
        )
    raise AppError(
        f"{project} has neither uv.lock nor poetry.lock, requirements.txt or pyproject.toml; "
        'say what to install: install = ["django"]'
    )


def pythons_allowed(project: Path, known: Sequence[str]) -> tuple[str, ...]:
    """Those of the known Pythons that the project's ``requires-python`` allows; all where it says nothing.

    A Python that is named by a path is not judged.

    Raises:
        AppError: when none is left.

    """
    path = project / "pyproject.toml"
    said = _python_said(read_toml(path)) if path.is_file() else None
    if said is None:
        return tuple(known)
    key, value = said
    try:
        alternatives = poetry.python_specifiers(value) if key == "python" else [SpecifierSet(value)]
    except (InvalidSpecifier, LookupError, ValueError) as error:
        raise AppError(f"{path} says {key} = {value!r}, which is no range of versions: correct it.") from error
    allowed = tuple(python for python in known if any(_holds(python, each) for each in alternatives))
    if not allowed:
        measured = f"{known[0]} to {known[-1]}" if len(known) > 1 else f"Python {known[0]}"
        raise AppError(f"pyproject.toml says {key} = {value!r}, and stackmatrix measures {measured}.")
    return allowed


def _python_said(pyproject: poetry.Table) -> tuple[str, str] | None:
    """The key and its value: the standard's, else Poetry's."""
    if standard := _at(pyproject, "project", "requires-python"):
        return "requires-python", str(standard)
    own = _at(pyproject, "tool", "poetry", "dependencies", "python")
    return ("python", str(own)) if own else None


def _at(table: object, *keys: str) -> object:
    """A value of tables in each other; ``None`` where one is not there, or is no table."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _holds(python: str, specifiers: SpecifierSet) -> bool:
    found = re.search(r"\d+\.\d+", python)
    if found is None or "/" in python:
        return True
    return any(specifiers.contains(f"{found[0]}.{patch}", prereleases=True) for patch in range(HIGHEST_PATCH))


def read_items(install: Iterable[str], project: Path) -> Named:
    """Sort the items of ``install`` by what they are.

    Raises:
        AppError: for an item that is none of them, or names what is not there.

    """
    found: dict[str, list[str]] = {name: [] for name in ("locks", "files", "paths", "names", "group", "extra", "own")}
    for item in install:
        for option, name in OPTION.findall(item):
            found[option].append(name)
        what = re.sub(r"^(?:-r|--requirement|-e|--editable)\s+", "", OPTION.sub("", item).strip())
        if what:
            kind = _kind(what, item, project)
            found[kind].append(what)
            if kind == "paths" and what.startswith(".["):
                found["extra"] += re.findall(r"[^\s,\[\]]+", what[1:])
    if (found["group"] or found["extra"]) and not (found["locks"] or found["own"]):
        if not (project / "pyproject.toml").is_file():
            raise AppError(
                'install: a group or an extra belongs to a lock, as in install = ["uv.lock", "--group prod"].'
            )
        if found["group"]:
            found["own"].append("pyproject.toml")
    parts = {name: tuple(dict.fromkeys(found[name])) for name in ("locks", "files", "paths", "names")}
    groups, extras = (tuple(dict.fromkeys(found[name])) for name in ("group", "extra"))
    return Named(**parts, groups=groups, extras=extras, pyproject=bool(found["own"]))


def _kind(what: str, item: str, project: Path) -> str:
    if what.startswith("-"):
        raise AppError(f"install: {item!r} is not understood; of options it takes --group NAME and --extra NAME.")
    name = Path(what).name
    if name == "Pipfile.lock":
        raise AppError("install: Pipfile.lock is not read; make a file of it: pipenv requirements > requirements.txt")
    is_lock = name in {"uv.lock", "poetry.lock"}
    is_path = re.match(r"\.(\[|$)", what) is not None or (not _is_requirement(what) and "/" in what)
    if (
        is_lock
        or name == "pyproject.toml"
        or what.endswith((".txt", ".in"))
        or is_path
        or what.startswith(("./", "../"))
    ):
        path = project / what.split("[", maxsplit=1)[0]
        if not path.exists():
            raise AppError(f"install names {what}, and {project} has no such file.")
        if is_lock:
            return "locks"
        if name == "pyproject.toml":
            return "own"
        return "files" if what.endswith((".txt", ".in")) else "paths"
    if not _is_requirement(what):
        raise AppError(f'install: {what!r} is neither a file of the project nor a package such as "django==5.2.*".')
    return "names"


def _is_requirement(text: str) -> bool:
    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def gather(named: Named, project: Path, python: Path, uv: Path) -> Sources:
    """Everything that ``install`` names, for uv.

    Raises:
        AppError: when a lock cannot be read, or has no such group or extra.

    """
    lines = [*(f"-r {path}" for path in named.files), *named.paths, *named.names]
    options: tuple[str, ...] = ()
    constraints: list[str] = []
    indexes = [line for path in named.files for line in _index_lines(project / path)]
    for lock in named.locks:
        if Path(lock).name == "uv.lock":
            lines += _exported(lock, named, project, python, uv)
            continue
        locked = poetry.read_lock((project / lock).parent, named.groups, named.extras)
        lines += locked.requirements
        constraints += locked.constraints
        indexes += [f"--extra-index-url {url}" for url in locked.indexes]
    if named.pyproject:
        chosen = [] if named.locks else [*_each("group", named.groups), *_each("extra", named.extras)]
        options = ("pyproject.toml", *chosen)
    return Sources(tuple(dict.fromkeys(lines)), options, tuple(constraints), tuple(dict.fromkeys(indexes)))


def _each(option: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from (f"--{option}", name)


def _exported(lock: str, named: Named, project: Path, python: Path, uv: Path) -> list[str]:
    """The pins of a uv.lock. The group dev is for developers, and is taken only if it is named."""
    command = "export --frozen --no-hashes --no-emit-project --no-header --no-annotate --no-editable".split()
    command += [] if "dev" in named.groups else ["--no-dev"]
    command += [*_each("group", named.groups), *_each("extra", named.extras), "--python", str(python), "--quiet"]
    said = run(uv, command, folder=(project / lock).parent)
    return [line for line in said.splitlines() if line.strip()]


def _index_lines(path: Path) -> Iterator[str]:
    """Where a requirement file says that packages are found, and the files that it includes, each of them once."""
    left, seen = [path], {path}
    while left:
        one = left.pop()
        if not one.is_file():
            continue
        text = read_whole(one)
        yield from (line.strip() for line in INDEX_LINE.findall(text))
        included = dict.fromkeys((one.parent / name).resolve() for name in INCLUDED.findall(text))
        left += [each for each in reversed(included) if each not in seen]
        seen |= {*included}


def read_whole(path: Path) -> str:
    """A file that says what to install.

    Raises:
        AppError: when it cannot be read.

    """
    try:
        return read(path, MOST_LOCK_BYTES).decode(errors="replace")
    except OSError as error:
        raise AppError(f"{path.name} cannot be read: {error.strerror}.") from error
