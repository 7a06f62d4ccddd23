"""Runs of the harness in the middle of which something goes wrong, and what is left of them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from stackmatrix.system import private_folders, processes

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOL = ROOT / ".nox" / "tool" / "bin" / "python"
STACK = "gunicorn_100_threads"
CELLS = (f"{PYTHON}.json", f"{PYTHON}.twin.json", f"{PYTHON}.planted.json")
REACHED_S = 120.0
"""For a stage to be reached, and for a run to end by itself."""
GONE_S = 10.0
"""For everything to be gone once it has to end."""

VICTIMS: Mapping[str, str] = {
    "target": f"env-{STACK}",
    "api": "slow_api",
    "circusd": "circus.circusd",
    "locust": "locustfile",
}
"""By what each is found among the processes of a run."""


def wait_for[T](look: Callable[[], T | None], within_s: float, what: str) -> T:
    """Look until there is something, or fail."""
    deadline_s = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline_s, f"{what} did not come within {within_s:g} s"
        time.sleep(0.02)
    return found


@dataclass
class Run:
    """A run that waits at a stage. ``folder`` is its own: results, temporary files, and what it prints."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    seen: dict[int, psutil.Process] = field(default_factory=dict)

    def look(self) -> None:
        """Remember every process that it has now."""
        for one in processes.tree(self.process.pid):
            self.seen.setdefault(one.pid, one)

    def wait_reached(self) -> None:
        """Wait for the stage."""

        def look() -> bool:
            self.look()
            assert self.process.poll() is None, self.printed
            return (self.folder / "at").exists()

        wait_for(look, REACHED_S, "the stage")
        self.look()

    def release(self) -> None:
        (self.folder / "go").touch()

    @property
    def harness(self) -> int:
        """The harness's own process, below the guard."""
        return int((self.folder / "at").read_text())

    def victim(self, name: str) -> int:
        """The process of a role; its first one, of those that are below this run now."""
        if name == "harness":
            return self.harness
        if name in ("guard", "nox"):
            return self.process.pid
        found = []
        for process in processes.tree(self.process.pid):
            with contextlib.suppress(psutil.Error):
                if VICTIMS[name] in " ".join(process.cmdline()) and "staged.py" not in " ".join(process.cmdline()):
                    found.append((process.create_time(), process.pid))
        assert found, f"there is no {name}"
        return min(found)[1]

    def wait_ended(self, within_s: float = REACHED_S) -> int:
        """Wait until the first process has ended; returns its exit code."""

        def look() -> bool:
            self.look()
            return self.process.poll() is not None

        wait_for(look, within_s, "the end")
        return self.process.returncode

    def left(self) -> list[str]:
        """What is still running of it, after the time that everything has to be gone."""
        deadline_s = time.monotonic() + GONE_S
        while (alive := self._alive()) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        return alive

    def _alive(self) -> list[str]:
        found = []
        for process in {**self.seen, **{one.pid: one for one in _marked(str(self.folder))}}.values():
            with contextlib.suppress(psutil.Error):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
        return found

    @property
    def printed(self) -> str:
        return (self.folder / "printed.txt").read_text(errors="replace")

    def blocks(self, cell: str = CELLS[0]) -> list[dict[str, Any]]:
        return blocks_in(self.folder / "results", cell)

    def counts(self) -> list[int]:
        """How many blocks each cell has."""
        return [len(self.blocks(cell)) for cell in CELLS]

    def status(self, cell: str = CELLS[0]) -> tuple[str, str | None]:
        found = read(self.folder / "results", cell)["status"]
        return found["state"], found["reason"]


def read(results: Path, cell: str) -> dict[str, Any]:
    path = results / "here" / "no_calls" / STACK / cell
    loaded: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"cost": []}
    return loaded


def blocks_in(results: Path, cell: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(results, cell)["cost"]
    return found


def _marked(mark: str) -> Iterator[psutil.Process]:
    """Processes that know the folder of a run by their command or their environment, but for whoever tests it."""
    ours = {one.pid for one in (psutil.Process(), *psutil.Process().parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in ours and (mark in " ".join(process.cmdline()) or mark in str(process.environ())):
                yield process


def arguments(folder: Path, blocks: int = 2, measure: str = "cost") -> list[str]:
    """A small run: one stack with its two controls, a second or two of load a block."""
    return [
        "run", "--stacks", STACK, "--pythons", PYTHON, "--workload", "no_calls", "--measure", measure,
        "--profile", "smoke", "--blocks", str(blocks), "--results", str(folder / "results"), "--machine", "here",
    ]  # fmt: skip


def begin(
    folder: Path,
    stage: str = "none",
    number: int = 1,
    *,
    blocks: int = 2,
    measure: str = "cost",
    through_nox: bool = False,
    given: Sequence[str] = (),
    output: Any = None,
    **environment: str,
) -> Run:
    """Start a run that waits at a stage, in a session of its own as in a terminal of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "tmp").mkdir(exist_ok=True)
    for name in ("at", "go"):
        (folder / name).unlink(missing_ok=True)
    staged = [str(folder), stage, str(number)]
    asked = [*arguments(folder, blocks, measure), *given]
    if through_nox:
        command = [sys.executable, "-m", "nox", "--noxfile", str(HERE / "staged_noxfile.py"), "-s", f"bench-{STACK}"]
        command += ["--", *asked[3:]]
    else:
        command = [str(TOOL), str(HERE / "staged.py"), *staged, "--", *asked]
    set_ = {"TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT / "src"), "STAGED": " ".join(staged)}
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    with (folder / "printed.txt").open("wb") as printed:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **set_, **environment},
            stdin=subprocess.DEVNULL,
            stdout=printed if output is None else output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    signal.signal(signal.SIGINT, heard)
    return Run(folder, process)


@contextlib.contextmanager
def reached(folder: Path, stage: str, number: int = 1, **more: Any) -> Iterator[Run]:
    """A run that has come to a stage; whatever is left of it in the end is killed."""
    run = begin(folder, stage, number, **more)
    try:
        run.wait_reached()
        yield run
    finally:
        end(run)


def end(run: Run) -> None:
    """Kill what is left, whatever the test has found."""
    run.look()
    for process in (*run.seen.values(), *_marked(str(run.folder))):
        with contextlib.suppress(psutil.Error):
            process.kill()
    run.process.wait()


def complete(folder: Path, **more: Any) -> Run:
    """Run to the end, without a fault; not so soon that what another run has left may still be its own."""
    time.sleep(private_folders.JUST_MADE_S)
    run = begin(folder, **more)
    try:
        run.wait_ended()
    finally:
        end(run)
    return run
