"""The harness, which waits at a stage until it is let go: ``staged.py FOLDER STAGE NUMBER -- ARGUMENTS``.

It is the harness as ``python -m stackmatrix`` runs it, with the functions wrapped in which its stages begin. When one
has begun for the NUMBERth time, the file ``at`` in FOLDER has the harness's process id, and it goes on when there is a
file ``go``. So a fault is real, and its moment certain. Checks that what else the machine does would decide are left
out, as whether a block counts would be chance.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stackmatrix.system import guard, output

STAGES = ("start", "verify", "warm-up", "block", "write", "stop")
OF_THE_MACHINE = {
    "check_lag", "check_generator_core", "check_offered_rate", "check_api_core", "check_overshoot", "check_littles_law",
    "check_steal", "check_foreign", "check_unexplained_load", "check_throttled", "check_network", "check_pinned",
    "check_target_listen_queue", "check_api_listen_queue",
}  # fmt: skip


class Stage:
    """Where to wait. What it wraps is called with the stage that begins."""

    def __init__(self, folder: Path, name: str, number: int) -> None:
        self._folder, self._name, self._left = folder, name, number

    def reached(self, name: str) -> None:
        if name != self._name:
            return
        self._left -= 1
        if self._left:
            return
        partial = self._folder / "at.part"
        partial.write_text(str(os.getpid()))
        partial.replace(self._folder / "at")
        while not (self._folder / "go").exists():
            time.sleep(0.02)


def before(owner: Any, name: str, call: Callable[..., None]) -> None:
    """Have a function called before a method or function of that name, with the same arguments."""
    original = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        call(*given, **named)
        return original(*given, **named)

    setattr(owner, name, wrapped)


def wrap(stage: Stage) -> None:
    from stackmatrix.load.generator import LoadGenerator, Moment
    from stackmatrix.testbed.supervisor import Supervisor
    from stackmatrix.testbed.testbed import Testbed

    looked = Supervisor._look_for_pids

    def look(self: Supervisor) -> dict[str, int] | None:
        found = looked(self)
        if found is not None:
            stage.reached("start")
        return found

    Supervisor._look_for_pids = look  # type: ignore[method-assign]
    before(Testbed, "_identify", lambda *_: stage.reached("verify"))
    before(Supervisor, "_stop", lambda *_: stage.reached("stop"))
    before(os, "fsync", lambda *_: stage.reached("write"))
    run = LoadGenerator.run

    def staged_run(self: LoadGenerator, order: Any, on_window: Callable[[Moment], None], tick: Any) -> Any:
        def on(moment: Moment) -> None:
            on_window(moment)
            if moment is Moment.START:
                stage.reached("block" if order.level else "warm-up")

        return run(self, order, on, tick)

    LoadGenerator.run = staged_run  # type: ignore[method-assign]


def misbehave(kind: str, when: str) -> None:
    """Have the target, and neither of its controls, do what ``misbehaving/sitecustomize.py`` has."""
    from stackmatrix.system.processes import SOURCE
    from stackmatrix.testbed import testbed
    from stackmatrix.testbed.supervisor import Target

    def target(name: str, command: tuple[str, ...], setting: Any) -> Target:
        if not name.endswith(("twin", "planted")):
            path = f"PYTHONPATH={Path(__file__).parent / 'misbehaving'}:{SOURCE}"
            command = ("env", path, f"MISBEHAVES={kind}", f"MISBEHAVES_WHEN={when}", *command)
        return Target(name, command, setting)

    vars(testbed)["Target"] = target


def set_clock_back(by_s: float, when: Path) -> None:
    """Have the date be earlier by so much once there is a file."""
    from stackmatrix.measurements import request
    from stackmatrix.system import processes

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - timedelta(seconds=by_s if when.exists() else 0)

    for module in (request, processes):
        vars(module)["datetime"] = Clock
    told_s = time.time
    time.time = lambda: told_s() - (by_s if when.exists() else 0)


def calm() -> None:
    """Leave out what depends on what else the machine does."""
    from stackmatrix.analysis.level import checks
    from stackmatrix.measurements.cost import rate

    rate.MOST_BUSY_SHARE = float("inf")  # else blocks at another rate would replace the first ones
    checks.CHECKS = tuple(one for one in checks.CHECKS if one.__name__ not in OF_THE_MACHINE)


def main() -> int:
    folder, name, number, _, *arguments = sys.argv[1:]
    from stackmatrix import cli

    calm()
    wrap(Stage(Path(folder), name, int(number)))
    if kind := os.environ.get("STAGED_MISBEHAVES"):
        misbehave(kind, str(Path(folder) / "misbehave"))
    if back_s := os.environ.get("STAGED_CLOCK"):
        set_clock_back(float(back_s), Path(folder) / "go")
    for patch in filter(None, os.environ.get("STAGED_PATCHES", "").split(",")):
        module, _, change = patch.partition(":")
        owner, _, attribute = module.rpartition(".")
        setattr(__import__(owner, fromlist=["*"]), attribute, type(getattr(sys.modules[owner], attribute))(change))
    return cli.main(arguments)


if __name__ == "__main__":
    guard.stand_above(guard.parent_of(os.environ))
    output.tolerate_loss()
    sys.exit(main())
