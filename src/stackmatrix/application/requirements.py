"""What an application's environment holds: its own packages as it pins them, the server's, and overrides.

Resolved by uv into one pinned list for one Python. The application is resolved first and alone, and what comes out is
what it gets beside every server: a server brings what it needs and moves nothing, and one that the application pins
stays as pinned. Only where a server cannot be had like that may it move what the application does not pin.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from stackmatrix.application.sources import Sources, gather, pythons_allowed, read_items
from stackmatrix.application.uv import NoSolutionError, find_interpreter, run
from stackmatrix.errors import AppError
from stackmatrix.outside.documents import read_json
from stackmatrix.outside.files import MOST_SETTINGS_BYTES, read_text
from stackmatrix.system import private_folders

STAMP = "stackmatrix.json"
"""In an environment's folder: what was installed there, written last."""

PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;]+)|@\s*(\S+))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an environment is asked to hold.

    ``install``: as in the application's file: files, ``.``, ``.[extra]``, names, ``--group NAME``, ``--extra NAME``.
    ``project``: the folder to which files are relative. Where ``.`` is installed, building it may leave files there.
    ``server``: the stack's packages. ``overrides``: such as ``django==5.2.*``, in place of what the application wants.
    ``python``: a minor version, or a path to an interpreter.
    ``project_sha256``: the hash of the project's files, which the lock's hash takes in where the project is installed.
    ``variables`` are given to uv, and so to what is built, when the environment is made.
    """

    install: tuple[str, ...]
    project: Path
    server: tuple[str, ...]
    overrides: tuple[str, ...]
    python: str
    project_sha256: str = ""
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A pinned list of packages, a line each, without any address of an index."""

    text: str
    notes: tuple[str, ...] = ()
    """Sentences for people: servers that the application pins, and versions that overrides or a server moved."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """By the package's normal name."""

    @property
    def sha256(self) -> str:
        """The hash of the list."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Resolver:
    """uv for one set of sources."""

    uv: Path
    python: Path
    project: Path
    sources: Sources

    def compile(
        self,
        *,
        only: Iterable[str] | None = None,
        more: Iterable[str] = (),
        constraints: Iterable[str] = (),
        overrides: Iterable[str] = (),
        prefer: str = "",
    ) -> str:
        """The pinned list of the sources and more lines, or of some lines only.

        Of what is preferred, as many versions stay as can.
        """
        own = self.sources if only is None else Sources(tuple(only), indexes=self.sources.indexes)
        lines = [*own.indexes, *own.lines, *more]
        with private_folders.folder("resolve") as folder:
            output = folder / "lock.txt"
            command = ["pip", "compile", "-", *own.options, "--python", str(self.python), "--quiet", "--no-header"]
            command += ["--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--output-file", str(output)]
            for option, content in (("--constraints", [*own.constraints, *constraints]), ("--overrides", overrides)):
                written = _lines(content)
                if written:
                    path = folder / f"{option[2:]}.txt"
                    path.write_text(written, encoding="utf-8")
                    command += [option, str(path)]
            if prefer:
                output.write_text(prefer, encoding="utf-8")
            run(self.uv, command, folder=self.project, says=_lines(lines))
            return output.read_text(encoding="utf-8")


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def resolve(wanted: Wanted, uv: Path) -> Resolved:
    """The pinned list of an environment.

    Raises:
        AppError: in one sentence, when there is none.

    """
    pythons_allowed(wanted.project, (wanted.python,))  # uv itself would only warn
    overrides = tuple(map(_parse_override, wanted.overrides))
    python = find_interpreter(wanted.python, uv)
    named = read_items(wanted.install, wanted.project)
    resolver = _Resolver(uv, python, wanted.project, gather(named, wanted.project, python, uv))
    application, lines, notes = _application(resolver, wanted.overrides)
    overridden = {str(canonicalize_name(each.name)) for each in overrides}
    _need_overridden(overrides, application, wanted.server)
    complete, moved = _with_server(resolver, application, wanted.server, lines)
    text = complete
    if named.paths and wanted.project_sha256:
        text += f"# the project's files: {wanted.project_sha256}\n"
    return Resolved(text, (*notes, *moved, *_pinned_servers(wanted.server, application, overridden)), versions(text))


def newest(name: str, python: str, uv: Path) -> str:
    """A requirement of a package's newest release on a Python, such as ``httpx==0.28.1``.

    Raises:
        AppError: when there is none.

    """
    interpreter = find_interpreter(python, uv)
    with private_folders.folder("newest") as folder:
        text = _Resolver(uv, interpreter, folder, Sources(())).compile(only=[name])
    return f"{name}=={versions(text)[canonicalize_name(Requirement(name).name)]}"


def _parse_override(text: str) -> Requirement:
    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        raise AppError(f"--with {text!r} is no package with a version: write it as --with 'django==5.2.*'.") from error
    return parsed


def _application(resolver: _Resolver, overrides: tuple[str, ...]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The application alone, with overrides: its pinned list, the overrides as uv is given them, and what they moved.

    What a new version of an overridden package needs itself gives way, too, as far as it must: the application's pins
    were made for the version that it had.
    """
    if not overrides:
        return resolver.compile(), (), ()
    try:
        before = resolver.compile()
    except NoSolutionError:
        before = ""
    try:
        needed = resolver.compile(only=overrides, prefer=before)
        named = {canonicalize_name(Requirement(each).name) for each in overrides}
        old = versions(before)
        lines = (*overrides, *(
            f"{name}=={version}" for name, version in versions(needed).items()
            if name not in named and old.get(name, version) != version
        ))  # fmt: skip
        after = resolver.compile(overrides=lines, prefer=before)
    except NoSolutionError as error:
        written = " ".join(f"--with {each!r}" for each in overrides)
        raise NoSolutionError(f"{written} does not resolve: {_reason(error)}") from error
    others = {name: version for name, version in old.items() if name not in named}
    return after, lines, tuple(_moved(others, versions(after), f"for {' and '.join(overrides)}"))


def _reason(error: Exception) -> str:
    return str(error).removeprefix("The packages do not fit together: ")


def _need_overridden(overrides: Iterable[Requirement], application: str, server: Iterable[str]) -> None:
    """Refuse an override of what nothing asks for: uv passes over it in silence."""
    asked = {*versions(application), *(canonicalize_name(Requirement(each).name) for each in server)}
    for each in overrides:
        if canonicalize_name(each.name) not in asked:
            raise AppError(
                f"--with {str(each)!r}: nothing that is installed asks for {each.name}; "
                "correct its name, or add it to install."
            )


def _with_server(
    resolver: _Resolver, application: str, server: tuple[str, ...], overrides: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """The application with the server beside it, and what that moved."""
    own = versions(application)
    more = [_without_version(each) if canonicalize_name(Requirement(each).name) in own else each for each in server]
    pins = [line for line in application.splitlines() if PIN.match(line)]
    try:
        return resolver.compile(more=more, constraints=pins, overrides=overrides, prefer=application), ()
    except NoSolutionError:
        pass
    try:
        complete = resolver.compile(more=more, overrides=overrides, prefer=application)
    except NoSolutionError as error:
        named = " and ".join(server)
        raise NoSolutionError(
            f"{named} cannot be installed beside the application's packages: {_reason(error)}"
        ) from error
    return complete, tuple(_moved(own, versions(complete), f"for {' and '.join(server)}"))


def _without_version(requirement: str) -> str:
    """The package with its extras only: the application says which version."""
    parsed = Requirement(requirement)
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    return f"{parsed.name}{extras}" + (f" ; {parsed.marker}" if parsed.marker else "")


def _moved(before: Mapping[str, str], after: Mapping[str, str], why: str) -> Iterable[str]:
    for name, version in before.items():
        if after.get(name, version) != version:
            yield f"{name} {after[name]} in place of {version}, {why}."


def _pinned_servers(server: Iterable[str], application: str, overridden: set[str]) -> Iterable[str]:
    own = versions(application)
    for each in server:
        name = canonicalize_name(Requirement(each).name)
        if name in own and name not in overridden:
            yield f"{name} {own[name]} is the application's own."


def versions(text: str) -> dict[str, str]:
    """The versions of a pinned list, or the addresses of what comes from none, by the packages' normal names."""
    return {canonicalize_name(name): version or address for name, version, address in PIN.findall(text)}


def is_installed(wanted: Wanted, lock_text: str, prefix: Path) -> bool:
    """Whether an environment was installed from this very list for this Python."""
    try:
        stamp = read_json(read_text(prefix / STAMP, MOST_SETTINGS_BYTES))
        return bool(stamp["lock_sha256"] == Resolved(lock_text).sha256 and stamp["python"] == wanted.python)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def install(wanted: Wanted, lock_text: str, prefix: Path, uv: Path, **stamp: str) -> None:
    """Make an environment that holds exactly a pinned list, unless it is there; more words go into its stamp.

    Raises:
        AppError: in one sentence, when it cannot be made.

    """
    if is_installed(wanted, lock_text, prefix):
        return
    (prefix / STAMP).unlink(missing_ok=True)
    python = find_interpreter(wanted.python, uv)
    run(uv, ["venv", "--quiet", "--clear", "--no-project", "--python", str(python), str(prefix)], folder=wanted.project)
    indexes = gather(read_items(wanted.install, wanted.project), wanted.project, python, uv).indexes
    command = ["pip", "sync", "-", "--quiet", "--allow-empty-requirements", "--python", str(prefix / "bin" / "python")]
    if not all(PIN.match(line) for line in lock_text.splitlines() if line and line[0] not in "#-"):
        # A folder: uv would take a wheel that it built before, although the source may have changed since.
        command += ["--refresh"]
    run(uv, command, folder=wanted.project, says=_lines([*indexes, lock_text]), variables=dict(wanted.variables))
    written = {**stamp, "python": wanted.python, "lock_sha256": Resolved(lock_text).sha256}
    (prefix / STAMP).write_text(json.dumps(written), encoding="utf-8")
