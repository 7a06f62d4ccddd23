"""What a project raised while it was loaded or set up, and the sentence that says what to do about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackmatrix.matrix.app_file import AppFile
from stackmatrix.outside.documents import read_toml
from stackmatrix.outside.files import MOST_SETTINGS_BYTES, read_text
from stackmatrix.system.logs import cut

LONGEST = 300
"""Characters of an exception's words that are shown."""

_LAST = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Warning|Exit|Configured|Interrupt|Found)\w*)(?::\s?(.*))?$")
_FILE = re.compile(r'^\s+File "([^"]+)", line \d+')
_VARIABLES = (
    re.compile(r"^['\"]([A-Z][A-Z0-9_]+)['\"]$"),
    re.compile(r"(?i)\bset the ([A-Z][A-Z0-9_]+) environment variable"),
    re.compile(r"^([A-Z][A-Z0-9_]+) not found\. Declare it as envvar"),
    re.compile(r"(?i)environment variable ['\"]?([A-Z][A-Z0-9_]+)['\"]? (?:is )?(?:not set|missing|required)"),
    re.compile(r"^The (SECRET_KEY) setting must not be empty"),
)
"""How projects, and the packages that they read their environment with, say that a variable is missing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception: its type without the module, its words, and the files that it came through, innermost last."""

    type: str
    message: str
    files: Sequence[str] = field(default=())
    module: str | None = None

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Failure":
        """From what a script inside of the project wrote down."""
        return cls(described["type"], described["message"], tuple(described["files"]), described.get("name"))

    @classmethod
    def of_log(cls, text: str) -> "Failure | None":
        """The last exception of a log."""
        found: Failure | None = None
        files: list[str] = []
        for line in text.splitlines():
            if line.startswith("Traceback (most recent call last)"):
                files = []
            elif match := _FILE.match(line):
                files.append(match[1])
            elif files and (match := _LAST.match(line)):
                found = cls(match[1].rpartition(".")[2], match[2] or "", tuple(files))
        return found

    def __str__(self) -> str:
        return cut(f"{self.type}: {self.message}", LONGEST)

    def file_of(self, project: Path) -> str | None:
        """The innermost file of the project, relative to it."""
        root = project.resolve()
        inside = [Path(name) for name in self.files if Path(name).is_relative_to(root)]
        return str(inside[-1].relative_to(root)) if inside else None


def sentence(failure: Failure, app: AppFile, project: Path, what: str) -> str:
    """What to do about an exception; ``what`` is what did not work, as in "mysite.settings does not load"."""
    where = failure.file_of(project)
    for known in (_missing_variable, _missing_module, _missing_driver, _missing_table):
        if (said := known(failure, app, where)) is not None:
            return said
    return f"{what}: {failure}" + (f" ({where})" if where else "")


def _missing_variable(failure: Failure, _: AppFile, where: str | None) -> str | None:
    if failure.type not in {"KeyError", "ImproperlyConfigured", "UndefinedValueError", "EnvError"}:
        return None
    for pattern in _VARIABLES:
        if match := pattern.search(failure.message):
            # Django itself says so of a setting that is empty, wherever the project takes it from.
            is_djangos = match[0].startswith("The SECRET_KEY setting")
            also = " Settings that do not read it there get it by override.SECRET_KEY." if is_djangos else ""
            return (
                f"{where or 'The project'} wants {match[1]} from the environment; "
                f"give it in [env] (or its name in secrets).{also}"
            )
    return None


def _missing_module(failure: Failure, app: AppFile, where: str | None) -> str | None:
    if failure.type != "ModuleNotFoundError" or not (
        match := re.search(r"No module named '([\w.]+)'", failure.message)
    ):
        return None
    top = match[1].partition(".")[0]
    group = _group_of(app.project, top)
    remedy = f'add "{top}" to install'
    if group is not None:
        remedy = (
            f'which uv.lock has only in the group {group}: install = ["uv.lock", "--group {group}"], or add "{top}"'
        )
        return f"{where or 'The project'} imports {match[1]}, {remedy}."
    if app.project.joinpath(top).exists() or list(app.project.glob(f"*/{top}/__init__.py")):
        return f"{where or 'The project'} imports {match[1]}, and the project has no such module."
    return f"{where or 'The project'} imports {match[1]}, which is not installed: {remedy}, by its package's name."


def _group_of(project: Path, module: str) -> str | None:
    """The dependency group that has a package called as a module, where the project has a uv.lock."""
    if not (project / "uv.lock").exists():
        return None
    try:
        content = read_toml(read_text(project / "pyproject.toml", MOST_SETTINGS_BYTES))
        groups = {**content.get("dependency-groups", {})}
    except (OSError, ValueError, TypeError):
        return None
    name = module.replace("_", "-").lower()
    for group, packages in groups.items():
        if isinstance(packages, list) and any(
            isinstance(one, str) and re.match(rf"{re.escape(name)}\b", one.lower()) for one in packages
        ):
            return str(group)
    return None


_DRIVERS = {"psycopg": ("PostgreSQL", "psycopg[binary]"), "MySQLdb": ("MySQL", "mysqlclient")}


def _missing_driver(failure: Failure, _: AppFile, __: str | None) -> str | None:
    if not failure.message.startswith("Error loading"):
        return None
    for module, (database, package) in _DRIVERS.items():
        if module in failure.message:
            return f'The database is {database} and no driver is installed: add "{package}" to install.'
    return None


_TABLE = re.compile(r"no such table: [\w.]+|relation \"[\w.]+\" does not exist")


def _missing_table(failure: Failure, _: AppFile, __: str | None) -> str | None:
    match = _TABLE.search(failure.message)
    return f'{match[0]}. Add "migrate" to setup, before what needs it.' if match else None


_CHECK = re.compile(r"^\S.*?: \(([\w.]+)\) .*$", re.MULTILINE)
LAST_LINES = 20


def step_sentence(step: str, log: str, app: AppFile, project: Path) -> str:
    """Why a step of the set-up failed, from what it printed."""
    failure = Failure.of_log(log)
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if failure is not None and failure.type == "EOFError":
        name = step.split(maxsplit=1)[0]
        return f'The step "{name}" asked a question: add --noinput and what it wants as DJANGO_SUPERUSER_… in [env].'
    if "SystemCheckError" in log and (checks := _CHECK.findall(log)):
        said = " ".join(line for line in lines[-LAST_LINES:] if _CHECK.match(line))
        silenced = ", ".join(f'"{one}"' for one in dict.fromkeys(checks))
        return (
            f'The step "{step}" is stopped by a system check: {said} '
            f"Mend it, or say override.SILENCED_SYSTEM_CHECKS = [{silenced}]."
        )
    if failure is not None and not failure.message.startswith("Unknown command"):
        return sentence(failure, app, project, f'The step "{step}" failed')
    last = lines[-1] if lines else "it printed nothing"
    return f'The step "{step}" failed: {cut(last, LONGEST)}'
