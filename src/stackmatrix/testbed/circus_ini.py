"""What circusd is given for one testbed: the committed ``circus.ini`` with its target repeated, and its variables."""

import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from stackmatrix.system import processes
from stackmatrix.system.cores import Layout

CIRCUS_INI = processes.PROJECT / "circus.ini"
GRACEFUL_S, GRACEFUL_EACH_S = 5, 1
"""For one target to stop, and for each further one: all stop at once on one core, so each has the time of all."""

COMMAND = "STACKMATRIX_TARGET_COMMAND"
"""The variable that has the command of a target; where there are several, a name follows."""


def graceful_s(targets: int) -> int:
    """How long after the stop signal circus kills what is left, in seconds, where so many targets stop at once."""
    return GRACEFUL_S + GRACEFUL_EACH_S * max(targets - 1, 0)


def variables(api_port: int, layout: Layout, folder: Path, targets: int) -> dict[str, str]:
    """What ``circus.ini`` takes from the environment for so many targets, beside their commands."""
    return {
        "STACKMATRIX_ENDPOINT": f"ipc://{folder}/circus",
        "STACKMATRIX_PUBSUB": f"ipc://{folder}/events",
        "STACKMATRIX_LOGS": str(folder),
        "STACKMATRIX_SOURCE": str(_source(folder)),
        "STACKMATRIX_TOOL_PYTHON": shlex.quote(sys.executable),
        "STACKMATRIX_API_PORT": str(api_port),
        "STACKMATRIX_GRACEFUL_S": str(graceful_s(targets)),
        "STACKMATRIX_API_CORES": join(layout.api),
        "STACKMATRIX_TARGET_CORES": join(layout.target),
    }


def _source(folder: Path) -> Path:
    """The project's sources, at a path in which circus finds no variable to replace."""
    if "$" not in str(processes.SOURCE):
        return processes.SOURCE
    (link := folder / "src").symlink_to(processes.SOURCE)
    return link


def join(cores: tuple[int, ...]) -> str:
    return ",".join(map(str, cores))


def ini_for(template: str, names: Iterable[str]) -> str:
    """The text of ``circus.ini`` with its one target watcher repeated, by name, for each target."""

    def repeat(section: re.Match[str]) -> str:
        return "\n".join(
            section[0]
            .replace("[watcher:target]", f"[watcher:{name}]")
            .replace("stackmatrix_target_command)", f"stackmatrix_target_command_{name})")
            .replace("/target.", f"/{name}.")
            for name in names
        )

    many, found = re.subn(r"(?ms)^\[watcher:target\]$.*?(?=^\[|\Z)", repeat, template)
    assert found == 1, "circus.ini has one watcher named target"
    return many
