"""What a poetry.lock pins, read without Poetry.

The packages that the project names are asked for by name, and every version in the lock is a constraint: so extras,
markers and what depends on what are taken from the packages themselves. Limits: a package that an older lock holds in
several versions, without saying when each is meant, is left to its newest version that fits.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from stackmatrix.errors import AppError
from stackmatrix.outside import documents, files
from stackmatrix.outside.text import one_line

type Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Locked:
    """Requirement lines of what the project names, and constraint lines of all that is locked."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    indexes: tuple[str, ...]
    """Addresses of package indexes that the project adds."""


def read_lock(folder: Path, groups: Iterable[str], extras: Iterable[str]) -> Locked:
    """What the lock in a folder pins for the main group, the named groups and the named extras.

    Raises:
        AppError: when it cannot be read, or has no such group or extra.

    """
    lock, project = read_toml(folder / "poetry.lock"), read_toml(folder / "pyproject.toml")
    try:
        poetry = project.get("tool", {}).get("poetry", {})
        requirements = [*_main(project, poetry, tuple(extras), folder)]
        for group in groups:
            requirements += _group(project, poetry, group)
        indexes = tuple(source["url"] for source in poetry.get("source", []) if "url" in source)
        return Locked(tuple(requirements), tuple(_constraints(lock.get("package", []))), indexes)
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise AppError(
            f"{folder}: poetry.lock and pyproject.toml are not as Poetry writes them ({type(error).__name__}: "
            f"{one_line(str(error))})."
        ) from error


def read_toml(path: Path) -> Table:
    """A TOML file.

    Raises:
        AppError: when it is not there or is none.

    """
    try:
        return documents.read_toml(files.read_text(path, files.MOST_LOCK_BYTES))
    except OSError as error:
        raise AppError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise AppError(f"{path} is not a TOML file: {one_line(str(error))}.") from error


def _main(project: Table, poetry: Table, extras: tuple[str, ...], folder: Path) -> Iterable[str]:
    """What the project needs in production: as the standard's table has it, else as Poetry's own."""
    standard = project.get("project", {})
    own = {name: value for name, value in poetry.get("dependencies", {}).items() if name.lower() != "python"}
    if "dependencies" in standard:
        yield from standard["dependencies"]
    else:
        for name, value in own.items():
            yield from (line for line in _lines(name, value) if not _is_optional(value))
    for extra in extras:
        by_standard = standard.get("optional-dependencies", {})
        if extra in by_standard:
            yield from by_standard[extra]
        elif extra in poetry.get("extras", {}):
            for name in poetry["extras"][extra]:
                yield from _lines(name, own.get(name, "*"))
        else:
            known = ", ".join([*by_standard, *poetry.get("extras", {})]) or "none"
            raise AppError(f"install asks for the extra {extra}, and {folder / 'pyproject.toml'} has these: {known}.")


def _group(project: Table, poetry: Table, group: str) -> Iterable[str]:
    """What a group adds."""
    standard = project.get("dependency-groups", {})
    own = {name: table.get("dependencies", {}) for name, table in poetry.get("group", {}).items()}
    if "dev-dependencies" in poetry:
        own.setdefault("dev", poetry["dev-dependencies"])
    if group not in standard and group not in own:
        known = ", ".join([*standard, *own]) or "none"
        raise AppError(f"install asks for the group {group}, and pyproject.toml has these: {known}.")
    for entry in standard.get(group, []):
        if isinstance(entry, str):
            yield entry
        else:
            yield from _group(project, poetry, entry["include-group"])
    for name, value in own.get(group, {}).items():
        yield from _lines(name, value)


def _is_optional(value: object) -> bool:
    return isinstance(value, dict) and bool(value.get("optional"))


def _lines(name: str, value: Any) -> Iterable[str]:
    """Requirement lines of an entry of Poetry's: its extras and when it is meant; its version is in the lock."""
    for one in value if isinstance(value, list) else [value]:
        table: Table = one if isinstance(one, dict) else {}
        extras = f"[{','.join(table['extras'])}]" if table.get("extras") else ""
        markers = [f"({each})" for each in (table.get("markers"), _python_marker(table.get("python"))) if each]
        yield f"{name}{extras}" + (f" ; {' and '.join(markers)}" if markers else "")


def _python_marker(constraint: str | None) -> str | None:
    """A constraint on Python as a marker."""
    if not constraint:
        return None
    alternatives = []
    for specifiers in python_specifiers(constraint):
        parts = [f"python_full_version {each.operator} '{each.version}'" for each in specifiers]
        alternatives.append(" and ".join(sorted(parts)))
    return None if "" in alternatives else " or ".join(alternatives)


def python_specifiers(constraint: str) -> list[SpecifierSet]:
    """Poetry's constraint on a Python, such as ``^3.11``, in the standard's form: alternatives; one must hold."""
    return [
        SpecifierSet(",".join(filter(None, map(_specifier, re.split(r"\s*,\s*|\s+(?=[<>=!~^])", alternative.strip())))))
        for alternative in re.split(r"\|\|?", constraint)
    ]


def _specifier(part: str) -> str:
    part = re.sub(r"\s+", "", part)
    if part in {"", "*"}:
        return ""
    if part[0] not in "^~" or part.startswith("~="):
        return part if part[0] in "<>=!~" else f"=={part}"
    numbers = [int(number) for number in re.findall(r"\d+", part)]
    kept = 1 if part[0] == "^" or len(numbers) == 1 else 2
    upper = [*numbers[: kept - 1], numbers[kept - 1] + 1]
    return f">={part[1:]},<{'.'.join(map(str, upper))}"


def _constraints(packages: Iterable[Table]) -> Iterable[str]:
    """A line for each locked package."""
    packages = list(packages)
    times = Counter(canonicalize_name(package["name"]) for package in packages)
    for package in packages:
        markers = package.get("markers")
        if isinstance(markers, dict):  # by group
            markers = " or ".join(f"({each})" for each in dict.fromkeys(markers.values()))
        if times[canonicalize_name(package["name"])] > 1 and not markers:
            continue
        yield f"{package['name']}{_where(package)}" + (f" ; {markers}" if markers else "")


def _where(package: Table) -> str:
    """The version, or the address of what comes from no index."""
    source = package.get("source", {})
    url = source.get("url", "")
    match source.get("type"):
        case "git":
            below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
            return f" @ git+{url}@{source['resolved_reference']}{below}"
        case "directory" | "file":
            return f" @ ./{url}"
        case "url":
            return f" @ {url}"
        case _:
            return f"=={package['version']}"
