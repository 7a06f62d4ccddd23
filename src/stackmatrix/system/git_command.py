"""How git is run: on the repository of a folder and no other, in English, and without waiting for anybody.

A hook that started this run has told git by variables which repository it means; they are left out. Nothing may ask:
there is no terminal, no editor and no window, and each call ends after a time, with all that it has started.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from stackmatrix.system import environment

ASK_S = 300.0
"""For a question, of which the history of a large repository on a slow disk is the longest."""
END_S = 5.0
"""For git to remove its locks once it is told to end."""

ASKING = ("DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY", "GIT_ASKPASS", "SSH_ASKPASS")
"""By which git, GnuPG and ssh would ask somebody for a passphrase."""
SILENT = {
    "GIT_TERMINAL_PROMPT": "0", "SSH_ASKPASS_REQUIRE": "never", "GIT_EDITOR": "false", "GIT_SEQUENCE_EDITOR": "false",
    "GIT_PAGER": "cat", "GIT_MERGE_AUTOEDIT": "no",
}  # fmt: skip

SAME_EVERYWHERE = ("color.ui=false", "log.showSignature=false", "core.fsmonitor=false")
"""What a user's configuration may say otherwise, and what is read would then hold more, or a daemon stay behind."""
NOBODYS = ("gc.auto=0", "maintenance.auto=false")
"""git would tidy up in a process that goes on when it has ended."""

GIT_MISSING = "git is not installed"


def run(
    folder: Path,
    *command: str,
    given: bytes = b"",
    hooks: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
    within_s: float = ASK_S,
) -> "subprocess.CompletedProcess[bytes]":
    """Run git in a folder; a git that is not there, or does not end in time, has failed with a sentence.

    The user's ``hooks`` run only where a commit is the user's own.
    """
    options = [*SAME_EVERYWHERE, *NOBODYS, *([] if hooks else [f"core.hooksPath={os.devnull}"])]
    whole = ["git", *(word for option in options for word in ("-c", option)), *command]
    try:
        return _run(whole, folder, given, {**_silent(os.environ, hooks=hooks), **variables}, within_s)
    except FileNotFoundError as error:
        said = GIT_MISSING if folder.is_dir() else f"there is no folder {folder}"
        return subprocess.CompletedProcess(whole, 127, b"", f"{said} ({error.strerror})".encode())
    except OSError as error:
        return subprocess.CompletedProcess(whole, 126, b"", str(error).encode(errors="replace"))


def _silent(variables: Mapping[str, str], *, hooks: bool) -> dict[str, str]:
    """The variables for a git that means the folder that it is started in, and asks nobody; hooks have their own."""
    left_out = {*ASKING, *environment.OTHER_REPOSITORIES}
    given = variables if hooks else environment.in_english(variables)
    return {**{name: value for name, value in given.items() if name not in left_out}, **SILENT}


def _run(
    command: Sequence[str], folder: Path, given: bytes, variables: Mapping[str, str], within_s: float
) -> "subprocess.CompletedProcess[bytes]":
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # without a terminal that a child could open
    ) as child:
        try:
            printed, said = child.communicate(given, within_s)
        except subprocess.TimeoutExpired:
            _end(child)
            words = f"git did not end within {within_s:g} s"
            return subprocess.CompletedProcess(command, 124, b"", words.encode())
        except BaseException:
            _end(child)
            raise
    return subprocess.CompletedProcess(command, child.returncode, printed, said)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End git with all that it has started; asked first, it removes its locks."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.communicate(timeout=END_S)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
        else:
            break


def ask(folder: Path, *command: str, given: bytes = b"") -> bytes | None:
    """What git prints, or ``None`` where it fails."""
    done = run(folder, *command, given=given)
    return done.stdout if done.returncode == 0 else None


def words_of(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The last words of a git that has failed, on one line."""
    lines = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace").splitlines()
    return " ".join(line.strip() for line in lines[-2:])
