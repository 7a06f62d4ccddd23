"""The two sides of a comparison as a user names them, and what each of them is.

A side is one of: packages in other versions, a file that says what to install, a git revision of an application, a
Python, a stack. Which one follows from its words, so that nobody has to say it; the two must be of one kind.
"""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stackmatrix.application import requirements
from stackmatrix.application.uv import find_uv
from stackmatrix.errors import UsageError
from stackmatrix.matrix.app_file import AppFile
from stackmatrix.matrix.pythons import BASE, FREE_THREADED, HEAD, PYTHONS, parse_overrides
from stackmatrix.results.comparison import Side, SideKind
from stackmatrix.system import git, interpreters

KINDS: dict[SideKind, str] = {
    "packages": "packages",
    "file": "a file of requirements",
    "revision": "a git revision",
    "python": "a Python",
    "stack": "a stack",
    "results": "results",
}
"""What each kind is called."""
INSTALLS = re.compile(r"(uv\.lock|poetry\.lock|pyproject\.toml|.*\.(txt|in))")
PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?")
VERSIONED = re.compile(rf"{PACKAGE.pattern}(==|~=|!=|<|>).+")
AS_LOCKED, WORKING_TREE = "as locked", "the working tree"


@dataclass(frozen=True, slots=True)
class ChosenSide:
    """One side: what stands in documents of it, and what its cells are made of.

    ``place`` is the Python or the stack that it names; ``interpreter`` and ``file`` are paths.
    """

    label: str
    side: Side
    overrides: tuple[str, ...] = ()
    place: str | None = None
    interpreter: Path | None = None
    file: Path | None = None

    @property
    def kind(self) -> SideKind:
        return self.side.kind


def choose_sides(
    base: Sequence[str], head: Sequence[str], app: AppFile | None, stacks: Collection[str], python: str
) -> tuple[ChosenSide, ChosenSide]:
    """The sides that the words name; what is left out is what is locked, or the working tree.

    ``python`` is where packages without a version are looked up.

    Raises:
        UsageError: for words that name nothing, or two kinds of things.
        AppError: when a package cannot be had.

    """
    if not base:
        raise UsageError("Nothing to compare was named: write BASE and HEAD, or --a and --b. See docs/compare.md.")
    kind = _kind(base, head, app, stacks)
    if kind == "packages" and head:
        _need_a_common_package(base, head, stacks)
    return (
        _side(BASE, kind, base, app, python),
        _side(HEAD, kind, head, app, python) if head else _left_out(kind, base),
    )


def _kind(base: Sequence[str], head: Sequence[str], app: AppFile | None, stacks: Collection[str]) -> SideKind:
    """The one kind that both are.

    Raises:
        UsageError: when they are not of one.

    """
    possible = [_possible(words, app, stacks) for words in (base, head) if words]
    common = [kind for kind in possible[0] if all(kind in one for one in possible)]
    if common:
        return common[0]
    for words, kinds in zip((base, head), possible, strict=False):
        if not kinds:
            hint = "a git revision takes --app" if app is None else f"git knows no such revision of {app.name}"
            raise UsageError(
                f"{' '.join(words)!r} is no package with a version (write it as 'django==5.2.*'), no file of "
                f"requirements, no Python and no stack, and {hint}."
            )
    told = (f"{' '.join(words)!r} is {KINDS[kinds[0]]}" for words, kinds in zip((base, head), possible, strict=True))
    raise UsageError(f"The two sides must be of one kind: {' and '.join(told)}.")


def _need_a_common_package(base: Sequence[str], head: Sequence[str], stacks: Collection[str]) -> None:
    """Refuse a package against another one: neither side would have what it is compared by.

    Raises:
        UsageError: when the sides have no package in common.

    """
    mine, theirs = ({_name(word) for word in " ".join(one).split()} for one in (base, head))
    if mine & theirs:
        return
    rows = [one for one in stacks if one.split("_")[0] in mine | theirs]
    hint = f", or two stacks ({', '.join(rows)})" if rows else ", two Pythons, two stacks, or with --app two revisions"
    raise UsageError(
        f"{' '.join(base)!r} and {' '.join(head)!r} are two packages, and no change of one: name two versions of one "
        f"('{min(mine)}==1.2.*'){hint}."
    )


def _name(word: str) -> str:
    """The package that a word names, whichever of its versions."""
    return re.split(r"[\[=<>~!]", word, maxsplit=1)[0].lower()


def _possible(words: Sequence[str], app: AppFile | None, stacks: Collection[str]) -> list[SideKind]:
    """What the words of one side can be, the likeliest first: ``uvicorn`` is a package, and a stack."""
    each = " ".join(words).split()
    kinds: list[SideKind] = []
    if len(each) == 1:
        (word,) = each
        if INSTALLS.fullmatch(Path(word).name) and _find(word, app) is not None:
            kinds.append("file")
        if word in (*PYTHONS, *FREE_THREADED) or ("/" in word and os.access(Path(word).expanduser(), os.X_OK)):
            kinds.append("python")
        if word in stacks:
            kinds.append("stack")
        if app is not None and git.commit_of(app.project, word) is not None:
            kinds.append("revision")
    are_packages = all(VERSIONED.fullmatch(word) or PACKAGE.fullmatch(word) for word in each)
    is_version = any(re.fullmatch(r"[\d.]+t?", word) for word in each)
    return [*kinds, "packages"] if are_packages and not is_version else kinds


def _find(word: str, app: AppFile | None) -> Path | None:
    """The file that a word names: from where the user stands, or in the project."""
    places = [Path.cwd(), *([app.project] if app is not None else [])]
    return next(((one / word).resolve() for one in places if (one / Path(word).expanduser()).is_file()), None)


def _side(label: str, kind: SideKind, words: Sequence[str], app: AppFile | None, python: str) -> ChosenSide:
    text = " ".join(words)
    side = Side(title=text, kind=kind)
    if kind == "packages":
        named = [_with_version(word, python) for word in text.split()]
        title = " ".join(named)
        return ChosenSide(label, Side(title=title, kind=kind), overrides=parse_overrides(title))
    if kind == "file":
        if app is None:
            raise UsageError(f"{text} says what an application needs: name the application with --app.")
        return ChosenSide(label, side, file=_find(text, app))
    if kind == "python":
        if "/" not in text:
            return ChosenSide(label, side, place=text)
        path = Path(text).expanduser()
        return ChosenSide(label, side, place=interpreters.call(path), interpreter=path)
    if kind == "stack":
        return ChosenSide(label, side, place=text)
    assert app is not None, "a revision is one of an application"
    commit = git.commit_of(app.project, text)
    return ChosenSide(label, Side(title=text, kind=kind, commit=commit))


def _with_version(word: str, python: str) -> str:
    """The word, or where it is the name of a package alone its newest release."""
    if VERSIONED.fullmatch(word):
        return word
    return requirements.newest(word, python, find_uv())


def _left_out(kind: SideKind, base: Sequence[str]) -> ChosenSide:
    """What the head is where it was not named."""
    if kind in ("packages", "file"):
        return ChosenSide(HEAD, Side(title=AS_LOCKED, kind=kind))
    if kind == "revision":
        return ChosenSide(HEAD, Side(title=WORKING_TREE, kind=kind))
    raise UsageError(f"{' '.join(base)!r} is {KINDS[kind]}, to be compared with another one: name it as well.")


def with_itself(
    words: Sequence[str], app: AppFile | None, stacks: Collection[str], python: str
) -> tuple[ChosenSide, ChosenSide]:
    """One thing on both sides: what the words name, or what is locked, or the working tree.

    Raises:
        UsageError: for words that name nothing.
        AppError: when a package cannot be had.

    """
    if words:
        one = _side(HEAD, _kind(words, (), app, stacks), words, app, python)
    else:
        title = AS_LOCKED if app is None else WORKING_TREE
        one = ChosenSide(HEAD, Side(title=title, kind="packages" if app is None else "revision"))
    return replace(one, label=BASE), one
