"""``small_run.py SECRET``: a testbed of a stand-in under some load, as any measurement has it, for those who watch it.

It writes a line of JSON of the modes of all that is in the private folder, and of the command lines of all processes.
"""

import json
import os
import stat
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.stacks.stack import Stack
from stackmatrix.matrix.workloads import Workload, one_page
from stackmatrix.system import environment, processes
from stackmatrix.system.cores import divide_cores
from stackmatrix.testbed import testbed
from stackmatrix.testbed.testbed import Load

HERE = Path(__file__).parent
PAGE = one_page("/calls/100,200,50/parallel", r"<p>Orders of the \w+</p>")
ORDERS = Workload("orders", "", PAGE, (100, 200, 50))
APP = App(name="shop", wsgi="", asgi="", requirements=())


@dataclass(frozen=True)
class InItsPlace:
    """Gives a stand-in the place, the variables and the secret of somebody's own application."""

    cwd: Path
    environment: dict[str, str]
    secrets: tuple[str, ...] = ("TOKEN",)

    def arrange(self, _interface: str, _name: str) -> "InItsPlace":
        return self

    def databases(self, _interface: str) -> tuple[()]:
        return ()


def subject(secret: str, *options: str) -> Subject:
    program = str(HERE / "standin.py").replace("{", "{{").replace("}", "}}")
    command = ("{bin}/python", program, "--port", "{port}", "--page", "<p>Orders of the day</p>")
    stack = Stack("standin", "", "standin", (), "ASGI", "event loop", None, (*command, *options))
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(processes.SOURCE), "TOKEN": secret}
    app = replace(APP, arranger=InItsPlace(HERE, given))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Subject(
        Cell(stack="standin", python=python, workload="orders"),
        stack,
        ORDERS,
        app,
        Installation(Path(sys.prefix), "no lock"),
    )


def main(secret: str) -> None:
    level = LoadLevel("open", 20)
    with testbed.start([subject(secret)], divide_cores(), Load(), lambda _: None) as bed:
        bed.verify()
        bed.warm_up(LevelOrder.warmup(0.3))
        bed.drive(LevelOrder.measure(0, level, 0.3, 1.0, seed=1), level)
        folder = bed.circus.folder
        modes = {str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode)) for path in folder.rglob("*")}
        modes["."] = oct(stat.S_IMODE(folder.stat().st_mode))
        commands = [one.cmdline() for one in processes.tree(os.getpid()) if one.status() != psutil.STATUS_ZOMBIE]
        print(json.dumps({"modes": modes, "commands": commands}), flush=True)


if __name__ == "__main__":
    environment.in_order()
    main(sys.argv[1])
