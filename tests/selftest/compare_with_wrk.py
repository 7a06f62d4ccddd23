"""Our percentiles beside wrk's, on a server that runs already: the same path, the same load, within the same minutes.

    nox -s serve -- uvicorn
    PYTHONPATH=src .nox/tool/bin/python tests/selftest/compare_with_wrk.py --port 8005 --workload fanout_shared_client

Both drive a closed loop, in turn, each for so many seconds after a settle of its own.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from stackmatrix import machine, metrics
from stackmatrix.loadgen import LoadGenerator, Order
from stackmatrix.plan import LevelPlan
from stackmatrix.workloads import API_PORT, WORKLOADS, Workload

UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def ours(port: int, workload: Workload, users: int, seconds: float) -> tuple[float, float, int]:
    """p50, p99 and number of responses."""
    cores = machine.divide_cores().generator
    with tempfile.TemporaryDirectory() as folder:
        generator = LoadGenerator(
            folder=Path(folder), target_port=port, api_port=API_PORT, workload=workload, cores=cores
        )
        with generator:
            generator.wait_ready(lambda: None)
            order = Order.measure(0, LevelPlan("closed", users), 3.0, seconds, trial_seed=1)
            rows = generator.run(order, lambda _: None, lambda: None).rows
            generator.finish(lambda: None)
    ordered = np.sort(rows.response_ms)
    return metrics.percentile(ordered, 50), metrics.percentile(ordered, 99), len(ordered)


def wrk(port: int, workload: Workload, users: int, seconds: float) -> tuple[float, float, int]:
    """The same from wrk, as it prints them."""
    url = f"http://127.0.0.1:{port}{workload.path}"
    command = ["wrk", "-t1", f"-c{users}", f"-d{seconds:g}", "--timeout", "60", "--latency", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    p50, p99 = (
        float(value) * UNITS_MS[unit]
        for value, unit in re.findall(r"^ +(?:50|99)% +([\d.]+)(\w+)$", text, re.MULTILINE)
    )
    found = re.search(r"(\d+) requests in", text)
    return p50, p99, int(found[1]) if found else 0


def main() -> None:
    """Compare, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Our percentiles beside wrk's.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workload", choices=list(WORKLOADS), required=True)
    parser.add_argument("--users", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    workload = WORKLOADS[options.workload]
    print("| round | by | responses | p50 ms | p99 ms |\n| ---: | --- | ---: | ---: | ---: |")
    for number in range(1, options.rounds + 1):
        for name, measure in (("stackmatrix", ours), ("wrk", wrk)):
            p50, p99, count = measure(options.port, workload, options.users, options.seconds)
            print(f"| {number} | {name} | {count} | {p50:.1f} | {p99:.1f} |", flush=True)


if __name__ == "__main__":
    main()
