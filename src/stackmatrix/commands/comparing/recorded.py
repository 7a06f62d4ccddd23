"""Compare two states of results: folders, or git revisions of them. Nothing is measured."""

import argparse
import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.commands import options as shared
from stackmatrix.commands.comparing.sides import INSTALLS
from stackmatrix.errors import ResultFileError, ResultsFolderError, UsageError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.pythons import FREE_THREADED, PYTHONS
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.results import store
from stackmatrix.results.comparison import Side
from stackmatrix.results.model import Result
from stackmatrix.system import git, git_files

if TYPE_CHECKING:
    from stackmatrix.analysis.comparison.states import Recorded

WITH_VERSION = re.compile(r".*([=!~<>]=|[<>])")
"""A package: a revision such as ``HEAD~1`` has no such sign."""
WORKING_TREE = "the working tree"
LONGEST_NAME = 60
MOST_TOLD = 3
"""Files that could not be read, of which it is said why."""


@dataclass(frozen=True, slots=True)
class State:
    """One side: its results by machine, and a sentence for each file that cannot be read."""

    side: Side
    results: Mapping[str, Sequence[Result]]
    left_out: tuple[str, ...]


def add_options_of_recorded(parser: argparse.ArgumentParser) -> None:
    across = "of results of unlike machines: compare their ratios to the reference stack, and no figure as it is"
    parser.add_argument("--across-machines", action="store_true", help=across)
    recorded = "the sides are states of the results of --app, and not of the application"
    parser.add_argument("--recorded", action="store_true", help=recorded)


def is_recorded(options: argparse.Namespace) -> bool:
    """Whether the sides are states of results: folders, or revisions of the repository in which the results are.

    What can be a package with a version, a file of requirements, a Python or a stack is none. Revisions are those of an
    application where there is one, unless ``--recorded`` says otherwise.
    """
    if options.recorded or options.across_machines:
        return True
    if getattr(options, "self", None) is not None:
        return False
    words = [word for side in _words(options) for word in side]
    if options.app is not None or any(_is_measured(word) for word in words):
        return False
    return any(_is_state(word, folder_of(options)) for word in words)


def _is_measured(word: str) -> bool:
    """Whether it is something that is to be measured."""
    is_file = INSTALLS.fullmatch(Path(word).name) is not None and Path(word).is_file()
    return is_file or bool(WITH_VERSION.match(word)) or word in {*PYTHONS, *FREE_THREADED, *STACKS}


def _is_state(word: str, folder: Path) -> bool:
    return Path(word).is_dir() or _commit_of(word, folder) is not None


def _commit_of(word: str, folder: Path) -> str | None:
    found = git_files.repository_of(folder)
    return None if found is None else git.commit_of(found[0], word)


def folder_of(options: argparse.Namespace) -> Path:
    """The folder of results of which revisions are compared; of an application its own one."""
    from stackmatrix.commands.compare import FOLDER

    # What is measured by the same command is kept elsewhere.
    chosen = shared.RESULTS if options.results == FOLDER else options.results
    app = None if options.app is None else app_file.read(options.app).name
    return shared.results_of(chosen.resolve(), app)


def _words(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    from stackmatrix.commands.compare import words_of

    return words_of(options)


def execute(options: argparse.Namespace) -> int:
    """Compare two states of results, and say in what they differ.

    Raises:
        UsageError: for a word that names no state, unlike machines, and states without a cell in common.
        ResultsFolderError: where a state has no results.
        ResultFileError: where no result of a state can be read, or at the very end when some had to be left out.

    """
    if options.list:
        return 0
    from stackmatrix.commands.comparing.publish import console_for, publish
    from stackmatrix.report.comparison.recorded import About, document_of

    base, head = _choose(options)
    compared = _compare(base, head, options)
    about = About(
        base=base.side,
        head=head.side,
        app=None if options.app is None else app_file.read(options.app).name,
        command=_command(options),
        across=options.across_machines,
    )
    publish(document_of(about, compared), options, console_for(options), _place(options, about.command))
    if left_out := [*base.left_out, *head.left_out]:
        told = " ".join(left_out[:MOST_TOLD])
        raise ResultFileError(f"Left out {len(left_out)} of the files, among them: {told}")
    return 0


def _choose(options: argparse.Namespace) -> tuple[State, State]:
    """Both sides; a head that is not named is what the folder of results holds now."""
    folder, (base, head) = folder_of(options), _words(options)
    if len(base) != 1 or len(head) > 1:
        raise UsageError("Two states of results are compared: name each by one folder or one git revision.")
    later = read_state(head[0], folder) if head else _of_folder(WORKING_TREE, folder)
    return read_state(base[0], folder), later


def read_state(word: str, folder: Path) -> State:
    """The results that a word names: a folder of them, or a revision of ``folder``.

    Raises:
        UsageError: when it names neither.
        ResultsFolderError, ResultFileError: when there are none, or none that can be read.

    """
    if Path(word).is_dir():
        return _of_folder(word, Path(word).resolve())
    found, commit = git_files.repository_of(folder), _commit_of(word, folder)
    if found is None or commit is None:
        where = folder if found is None else found[0]
        raise UsageError(f"{word!r} is no folder of results, and git knows no such revision in {where}.")
    files = git_files.files_at(found[0], commit, found[1])
    return _state(Side(title=word, kind="results", commit=commit), store.decode_results(files.items()), found[1])


def _of_folder(title: str, folder: Path) -> State:
    return _state(Side(title=title, kind="results"), store.read_results(folder), str(folder))


def _state(side: Side, found: Iterable[tuple[str, Result | ResultFileError]], where: str) -> State:
    results: dict[str, list[Result]] = {}
    left_out = []
    for machine, one in found:
        if isinstance(one, ResultFileError):
            left_out.append(f"{side.title}: {one}")
        else:
            results.setdefault(machine, []).append(one)
    if not results and left_out:
        raise ResultFileError(f"None of the {len(left_out)} results can be read. {left_out[0]}")
    if not results:
        raise ResultsFolderError(f"{side.title} has no results in {where}: name another state, or --results.")
    return State(side, results, tuple(left_out))


def _compare(base: State, head: State, options: argparse.Namespace) -> "dict[str, Recorded]":
    """What has changed, by machine.

    Raises:
        UsageError: where nothing can be compared: no machine or no cell in common, or unlike machines.

    """
    from stackmatrix.analysis.comparison.states import compare_states

    is_across = options.across_machines
    pairs = _pairs(base, head, options)
    compared = {
        name: compare_states(base.results[one], head.results[other], across=is_across)
        for name, (one, other) in pairs.items()
    }
    sides = f"{base.side.title} and {head.side.title}"
    if not any({*one.base} & {*one.head} for one in compared.values()):
        raise UsageError(f"{sides} have no cell in common that has figures: there is nothing to compare.")
    unlike = [one.unlike for one in compared.values() if one.unlike]
    if unlike and not is_across and not any(one.alike or one.grown or one.changes for one in compared.values()):
        raise UsageError(
            f"{sides} were not measured alike ({', '.join(unlike[0])}), so that no figure of one can be held against "
            "the other: --across-machines compares their ratios to the reference stack."
        )
    return compared


def _pairs(base: State, head: State, options: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """The machines' folders of both sides by what the pair is called: those of one name, or the two that are named.

    Raises:
        UsageError: where there are none.

    """
    named = [name for name in (options.machine or "").split(",") if name]
    if len(named) == 2 and options.across_machines and named[0] in base.results and named[1] in head.results:
        return {" and ".join(named): (named[0], named[1])}
    of_base, of_head = ([name for name in side.results if not named or name in named] for side in (base, head))
    common = {name: (name, name) for name in of_base if name in of_head}
    if common:
        return common
    if options.across_machines and len(of_base) == len(of_head) == 1:
        return {f"{of_base[0]} and {of_head[0]}": (of_base[0], of_head[0])}
    told = " and ".join(f"{side.side.title} has those of {', '.join(side.results)}" for side in (base, head))
    raise UsageError(
        f"The results are of other machines: {told}. Figures of unlike machines are not compared; --across-machines "
        "compares their ratios to the reference stack, and takes --machine with the folder of either side."
    )


def _place(options: argparse.Namespace, command: str) -> Path:
    """Where the forms of a comparison are kept: beside those of others, and never among the results."""
    from stackmatrix.commands.compare import FOLDER

    base, head = _words(options)
    told = re.sub(r"[^\w.]+", "-", "--".join(["results", *base, *head]))[:LONGEST_NAME].strip("-")
    return FOLDER / f"{told}-{hashlib.sha256(f'{command} {folder_of(options)}'.encode()).hexdigest()[:8]}"


def _command(options: argparse.Namespace) -> str:
    """What repeats a comparison by hand."""
    base, head = _words(options)
    words = [*base, *head]
    words += [
        word for name in ("app", "machine") if (one := getattr(options, name)) for word in (f"--{name}", str(one))
    ]
    words += [f"--{name.replace('_', '-')}" for name in ("recorded", "across_machines") if getattr(options, name)]
    return f"nox -s {options.command} -- {shlex.join(words)}"
