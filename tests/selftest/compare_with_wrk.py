"""Our percentiles beside wrk's, on a server that runs already: the same path, the same load, at the same time.

    nox -s serve -- uvicorn
    PYTHONPATH=src .nox/tool/bin/python tests/selftest/compare_with_wrk.py --port 8005 --workload fanout_shared_client

Each drives a closed loop of half of the users, begun in the same way: one after the other within a response. Both then
meet the same moments of one server, so that what differs is the instrument. wrk has no settle: it counts its first
responses, and none that is under way at its end.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from stackmatrix.analysis.level import latency
from stackmatrix.load.generator import LoadGenerator
from stackmatrix.load.protocol import LevelOrder
from stackmatrix.matrix.ladder import LoadLevel
from stackmatrix.matrix.workloads import WORKLOADS, Workload
from stackmatrix.system.cores import divide_cores
from stackmatrix.system.ports import API_PORT
from stackmatrix.testbed.external_api import read_figures

UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
SETTLE_S = 3.0
STAGGER = """
local begun = 0
function delay()
  begun = begun + 1
  return begun <= %d and (begun - 1) * %d / %d or 0
end
"""
"""wrk asks a script how many ms to wait before each request: the first of each connection is put off."""


class Wrk:
    """wrk in the background, from entering to leaving the ``with`` block."""

    def __init__(self, port: int, workload: Workload, users: int, seconds: float, folder: Path) -> None:
        script = folder / "stagger.lua"
        script.write_text(STAGGER % (users, workload.floor_ms, users), encoding="utf-8")
        url = f"http://127.0.0.1:{port}{workload.pages[0].path}"
        cores = ",".join(map(str, divide_cores().generator))
        self.command = [sys.executable, "-m", "stackmatrix.system.launch", f"--cores={cores}", "--"]
        self.command += ["wrk", "-t1", f"-c{users}", f"-d{seconds:g}", "--timeout", "60", "-s", str(script)]
        self.command += ["--latency", url]

    def __enter__(self) -> Self:
        """Start it."""
        self.child = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        """End it, if it has not ended by itself."""
        self.child.kill()
        self.child.wait()

    def figures(self) -> tuple[float, float, int]:
        """p50 and p99 in ms and number of responses, as it prints them at its end."""
        text = self.child.communicate()[0]
        p50, p99 = (
            float(value) * UNITS_MS[unit]
            for value, unit in re.findall(r"^ +(?:50|99)% +([\d.]+)(\w+)$", text, re.MULTILINE)
        )
        found = re.search(r"(\d+) requests in", text)
        return p50, p99, int(found[1]) if found else 0


def compare(port: int, workload: Workload, users: int, seconds: float) -> dict[str, tuple[float, float, int]]:
    """p50 and p99 in ms and number of responses by who measured them."""
    cores = divide_cores().generator
    with tempfile.TemporaryDirectory() as folder:
        generator = LoadGenerator(
            folder=Path(folder),
            ports=[port],
            workloads=[workload],
            cores=cores,
            read_api=partial(read_figures, API_PORT),
        )
        with generator, Wrk(port, workload, users, seconds + SETTLE_S, Path(folder)) as wrk:
            generator.wait_ready(lambda: None)
            order = LevelOrder.measure(0, LoadLevel("closed", users), SETTLE_S, seconds, seed=1)
            rows = generator.run(order, lambda _: None, lambda: None).rows
            generator.finish(lambda: None)
            by_wrk = wrk.figures()
    ordered = np.sort(rows.response_ms)
    ours = latency.percentile(ordered, 50), latency.percentile(ordered, 99), len(ordered)
    return {"stackmatrix": ours, "wrk": by_wrk}


def main() -> None:
    """Compare, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Our percentiles beside wrk's.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workload", choices=list(WORKLOADS), required=True)
    parser.add_argument("--users", type=int, default=5, help="of each of the two")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    print("| round | by | responses | p50 ms | p99 ms |\n| ---: | --- | ---: | ---: | ---: |")
    for number in range(1, options.rounds + 1):
        both = compare(options.port, WORKLOADS[options.workload], options.users, options.seconds)
        for name, (p50, p99, count) in both.items():
            print(f"| {number} | {name} | {count} | {p50:.1f} | {p99:.1f} |", flush=True)


if __name__ == "__main__":
    main()
