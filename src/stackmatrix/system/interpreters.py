"""Interpreters that were named by their path: what they are, as the axis of Pythons calls it."""

import json
import re
import subprocess
from pathlib import Path

from stackmatrix.errors import UsageError

TELL = """
import json, platform, sys, sysconfig
no_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(json.dumps([platform.python_implementation(), *sys.version_info[:2], no_gil]))
"""
TIMEOUT_S = 30.0
"""Longer than an interpreter takes to start on the slowest disk."""


def call(path: Path) -> str:
    """The name of an interpreter on the axis: ``3.13@debug`` for ``/opt/debug/bin/python3``.

    Raises:
        UsageError: when there is none at the path.

    """
    version = version_of(path)
    if version is None:
        raise UsageError(f"{path} is no Python: name an interpreter, such as /opt/python/bin/python3.")
    return f"{version}@{_home(path)}"


def version_of(path: Path) -> str | None:
    """What an interpreter says it is: ``3.13``, ``3.14t``, ``pypy3.11``; ``None`` where it is none, or cannot run."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", TELL],
            capture_output=True,
            encoding="utf-8",
            check=True,
            timeout=TIMEOUT_S,
            env={},
            stdin=subprocess.DEVNULL,
        )
        # Before it, what is installed there may have said something of its own (sitecustomize).
        implementation, major, minor, is_free_threaded = json.loads(done.stdout.strip().rpartition("\n")[2])
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return None
    kind = "" if implementation == "CPython" else implementation.lower()
    return f"{kind}{major}.{minor}{'t' if is_free_threaded else ''}"


def _home(path: Path) -> str:
    """What tells an interpreter from others of its version: the folder that it is installed in."""
    folder = path.absolute().parent
    folder = folder.parent if folder.name == "bin" else folder
    return re.sub(r"[^\w.-]+", "-", folder.name) or "python"
