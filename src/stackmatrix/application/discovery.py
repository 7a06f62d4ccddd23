"""What is found in a project's folder, with nothing installed: manage.py, settings, callables, where code is imported.

What the app's file says is taken; the rest is looked for. All places are relative to the project, since they are used
in a copy of it.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stackmatrix.errors import AppFileError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.outside import files as outside_files

DEPTH = 2
"""How many folders below the project are looked at."""
SETTINGS = "DJANGO_SETTINGS_MODULE"
SETTINGS_FORCED = (
    f"{{file}} sets {SETTINGS} to another module whatever it was: nothing can be overridden then. Use "
    "os.environ.setdefault there, as Django's template does."
)
DEVELOPMENT = ("dev", "devel", "develop", "development", "local", "debug", "test", "tests", "testing")
PRODUCTION = ("production", "prod", "live", "deploy", "deployment")
"""What modules of settings are called that are not deployed, and those that are."""
MADE = {"WSGI": "stackmatrix_wsgi:application", "ASGI": "stackmatrix_asgi:application"}
"""The callables that are made where a project has none, in modules beside the settings that are written for it."""

_NOT_THE_PROJECTS = {"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__", "tests", "docs"}
_SAID = re.compile(rf"{SETTINGS}['\"]\s*(?:,|\]\s*=)\s*['\"]([\w.]+)['\"]")
_SET = re.compile(rf"{SETTINGS}['\"]\s*\]\s*=[^=]")


class UnclearSettingsError(AppFileError):
    """It is not clear which settings are deployed; ``deployed`` are those that are likely to be."""

    def __init__(self, why: str, deployed: str) -> None:
        super().__init__(f'The settings are not clear: {why}. Say which are deployed: settings = "{deployed}".')
        self.deployed = deployed


@dataclass(frozen=True, slots=True)
class Found:
    """How a project is started. ``manage`` is an argument list, in which ``{python}`` is the environment's.

    A callable is ``None`` where stacks of its interface are left out. ``imported_from`` are folders, the first one
    first, and ``notes`` are sentences on what was found, for people. ``sets_settings`` is whether manage.py may set
    others than the environment says.
    """

    manage: tuple[str, ...]
    settings: str
    wsgi: str | None
    asgi: str | None
    imported_from: tuple[Path, ...]
    notes: tuple[str, ...]
    sets_settings: bool = False

    def callable_of(self, interface: str) -> str | None:
        return self.wsgi if interface == "WSGI" else self.asgi


def discover(app: AppFile) -> Found:
    """Look at a project.

    Raises:
        AppFileError: when its settings are not clear, or are not where they are said to be.

    """
    manage_py = _manage_py(app)
    folders = _import_folders(app.project, manage_py)
    settings, said_by = _settings(app, manage_py, folders)
    holder = _holder(app.project, folders, settings, is_given=app.settings is not None)
    imported_from = tuple(dict.fromkeys([*([holder] if holder is not None else []), *folders]))
    callables = {one: _callable(app, one, settings, holder) for one in ("WSGI", "ASGI")}
    manage, manage_note = _manage(app, manage_py)
    notes = [manage_note, f"settings: {settings} ({said_by})"]
    for interface, (callable_, where) in callables.items():
        notes.append(f"{interface}: {callable_ or 'left out'} ({where})")
    sets = manage_py is not None and _SET.search(_text(app.project / manage_py)) is not None
    return Found(manage, settings, callables["WSGI"][0], callables["ASGI"][0], imported_from, tuple(notes), sets)


def _text(file: Path) -> str:
    try:
        return outside_files.read(file, outside_files.MOST_SETTINGS_BYTES).decode(errors="replace")
    except OSError as error:
        raise AppFileError(f"{file.name} cannot be read: {error.strerror}.") from error


def _walk(folder: Path, name: str, depth: int = DEPTH) -> Iterator[Path]:
    """The files of a name in a folder and some folders below it, the nearest first."""
    level = [folder]
    for _ in range(depth + 1):
        yield from (place / name for place in level if (place / name).is_file())
        level = [
            one
            for place in level
            for one in sorted(place.iterdir())
            if one.is_dir() and not one.name.startswith(".") and one.name not in _NOT_THE_PROJECTS
        ]


def _manage_py(app: AppFile) -> Path | None:
    """manage.py, relative to the project; ``None`` where there is none, or a command takes its place."""
    if app.manage is not None:
        if not app.manage.endswith(".py") or " " in app.manage:
            return None
        if not (app.project / app.manage).is_file():
            raise AppFileError(f'manage = "{app.manage}": there is no such file in {app.project.name}.')
        return Path(app.manage)
    found = next(_walk(app.project, "manage.py"), None)
    return found.relative_to(app.project) if found else None


def _manage(app: AppFile, manage_py: Path | None) -> tuple[tuple[str, ...], str]:
    if manage_py is not None:
        return ("{python}", str(manage_py)), f"manage: {manage_py}"
    if app.manage is None:
        return ("{python}", "-m", "django"), "manage: python -m django (there is no manage.py)"
    program, *rest = shlex.split(app.manage)
    return ("{python}" if program.startswith("python") else f"{{bin}}/{program}", *rest), f"manage: {app.manage}"


def _settings(app: AppFile, manage_py: Path | None, folders: tuple[Path, ...]) -> tuple[str, str]:
    """The settings module, and who says so."""
    if app.settings is not None:
        return app.settings, "said by the file"
    if isinstance(given := app.env.both.get(SETTINGS), str):
        return given, "said by env"
    files = [app.project / manage_py] if manage_py is not None else []
    for name in ("wsgi.py", "asgi.py"):
        files += list(_walk(app.project, name))[:1]
    said = {str(file.relative_to(app.project)): match[1] for file in files if (match := _SAID.search(_text(file)))}
    if not said:
        raise AppFileError(
            f"Neither a manage.py nor a wsgi.py of {app.project.name} names the settings. "
            'Say which are deployed: settings = "mysite.settings".'
        )
    *others, last = said
    if len(set(said.values())) > 1:
        told = ", ".join(f"{file} says {module}" for file, module in said.items())
        deployed = next((module for file, module in said.items() if not file.endswith("manage.py")), "")
        raise UnclearSettingsError(told, deployed)
    said_by = f"said by {', '.join(others)} and {last}" if others else f"said by {last}"
    if (deployed := _deployed_beside(app.project, folders, said[last])) is not None:
        raise UnclearSettingsError(f"{said[last]} ({said_by}) has {deployed} beside it", deployed)
    return said[last], said_by


def _deployed_beside(project: Path, folders: tuple[Path, ...], module: str) -> str | None:
    """The settings for production beside those that are for development by their name."""
    package, _, name = module.rpartition(".")
    if name not in DEVELOPMENT:
        return None
    places = [(project / folder).joinpath(*package.split(".")) for folder in folders]
    return next((f"{package}.{one}" for place in places for one in PRODUCTION if (place / f"{one}.py").is_file()), None)


def _import_folders(project: Path, manage_py: Path | None) -> tuple[Path, ...]:
    """Where code may be imported from: manage.py's folder, its parents, the project, and src."""
    folders = [*(manage_py.parents if manage_py is not None else ()), Path(), Path("src")]
    return tuple(folder for folder in dict.fromkeys(folders) if (project / folder).is_dir())


def _holder(project: Path, folders: tuple[Path, ...], module: str, *, is_given: bool) -> Path | None:
    """The folder that a module is imported from, or ``None`` when its package is not of the project."""
    *packages, name = module.split(".")
    nearest: Path | None = None
    for folder in folders:
        place = (project / folder).joinpath(*packages)
        if (place / f"{name}.py").is_file() or (place / name).is_dir():
            return folder
        if packages and place.is_dir():
            nearest = nearest or place
    top = [folder for folder in folders if (project / folder / (packages[0] if packages else name)).is_dir()]
    if nearest is None and not top and packages:
        return None
    said = f'settings = "{module}"' if is_given else f"The settings are {module}"
    beside = sorted(one.name for one in nearest.glob("*.py") if one.stem != "__init__") if nearest is not None else []
    shown = [one for one in beside if "settings" in one] or beside
    where = f" {nearest.relative_to(project)}/ has {', '.join(shown[:5])}." if nearest is not None and shown else ""
    raise AppFileError(f"{said}: there is no such module{';' if where else '.'}{where}")


def _callable(app: AppFile, interface: str, settings: str, holder: Path | None) -> tuple[str | None, str]:
    """Where a server finds the application, and who says so."""
    given = app.wsgi if interface == "WSGI" else app.asgi
    if given is False:
        return None, "by the file"
    if given is not None:
        return (given if ":" in given else f"{given}:application"), "said by the file"
    if holder is not None:
        root = app.project / holder
        place = root.joinpath(*settings.split("."))
        for file in _settings_files(place):
            match = re.search(rf"^{interface}_APPLICATION\s*=\s*['\"]([\w.]+)\.(\w+)['\"]", _text(file), re.MULTILINE)
            if match and root.joinpath(*match[1].split(".")).with_suffix(".py").exists():
                return f"{match[1]}:{match[2]}", f"{interface}_APPLICATION"
        if found := _beside(app.project, root, place, interface):
            return found
    return MADE[interface], f"there is no {interface.lower()}.py, so one is made"


def _settings_files(place: Path) -> list[Path]:
    """The files of a settings module: itself, or all of its package when it is one or stands in one of settings."""
    if place.is_dir():
        return sorted(place.glob("*.py"))
    beside = sorted(place.parent.glob("*.py")) if place.parent.name.startswith("settings") else []
    return [place.with_suffix(".py"), *beside]


def _beside(project: Path, root: Path, settings: Path, interface: str) -> tuple[str, str] | None:
    """wsgi.py or asgi.py beside the settings, their package, or the other of the two."""
    name = f"{interface.lower()}.py"
    other = "asgi.py" if interface == "WSGI" else "wsgi.py"
    folders = [folder for folder in (settings, settings.parent, settings.parent.parent) if folder.is_relative_to(root)]
    folders += [file.parent for file in _walk(root, other)]
    for folder in folders:
        file = folder / name
        if file.is_file() and re.search(r"^application\b", _text(file), re.MULTILINE):
            module = ".".join(file.relative_to(root).with_suffix("").parts)
            return f"{module}:application", str(file.relative_to(project))
    return None
