"""Made-up results with known differences, for tests of everything that is shown: what is true of them is written here.

A cell costs ``cost_ms``, times the unrest of its block, which all cells share, times a rest of its own. The figures are
near those of real servers; nothing else about them is real.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import msgspec
from hdrh.histogram import HdrHistogram

from stackmatrix.matrix.cells import Cell, controls_of, make_cells, reference_of
from stackmatrix.results import store
from stackmatrix.results.conditions import Conditions, Environment, Machine
from stackmatrix.results.cost import CostBlock
from stackmatrix.results.counts import CountBlock, InstructionCount, InstructionShare
from stackmatrix.results.levels import LatencyMs
from stackmatrix.results.model import FORMAT_VERSION, Result, Run, Status
from stackmatrix.results.ramps import Ramp, RampSeconds, RampStep, Recovery, ReferenceLoad
from stackmatrix.results.stops import Stop, StopTrial, Visitors
from stackmatrix.results.types import PythonBuild

RATIOS = {
    "uwsgi_2_threads": 0.93, "uwsgi_100_threads": 0.94, "uwsgi_gevent": 1.36, "gunicorn_100_threads": 1.0,
    "gunicorn_gevent": 1.42, "uvicorn": 1.89,
}  # fmt: skip
"""CPU time of a stack over that of gunicorn_100_threads, with a shared client."""
PYTHON_RATIOS = {"3.12": 1.0, "3.13": 0.94, "3.14": 1.0, "3.15": 0.99}
BASE_MS = 6.8
CLIENT_MS = {"fanout": 24.0, "no_calls": -4.6}
"""What a workload costs more than ``fanout_shared_client``, on every stack alike."""
PLANTED_SHARE = 0.08
BLOCK_SD, REST_SD = 0.05, 0.016
HOLDS = {"uwsgi_2_threads": 2.9, "uwsgi_gevent": 49.8, "gunicorn_gevent": 59.7, "uvicorn": 41.5}
"""Arrivals per second that a stack holds with a shared client; others hold ``OTHERS_HOLD``, and a third of it with a
client per request."""
OTHERS_HOLD = 71.7
METASTABLE = "uvicorn"
"""This stack does not come back from an overload; the others do within seconds."""
FLOOR_MS, SPREAD_MS = 600.0, 12.0
NULL_SPREAD_MS = 0.5
"""Of the null target's response times."""
REFERENCE_RATES = {"fanout": 10.0}
MACHINE = Machine(
    cpu_model="A made-up processor", cores=2, memory_bytes=8 * 2**30, kernel="Linux 6.1", os="Made-up Linux 1",
    governor=None, virtualised=True, pinning={"target": (1,), "generator": (0,)}, cpu_id="25-1-1",
)  # fmt: skip
STARTED = "2026-11-25T10:00:00+00:00"


def cost_ms(cell: Cell) -> float:
    """What a request of the cell costs in truth, in ms of CPU time."""
    own = BASE_MS * RATIOS.get(cell.stack, 1.2) + CLIENT_MS.get(cell.workload, 0.0)
    return own * PYTHON_RATIOS.get(cell.python, 1.0)


def make_results(
    stacks: Sequence[str] = ("uwsgi_2_threads", "gunicorn_100_threads", "gunicorn_gevent", "uvicorn"),
    pythons: Sequence[str] = ("3.12", "3.13"),
    workloads: Sequence[str] = ("fanout", "fanout_shared_client"),
    blocks: int = 5,
    ramps: int = 2,
    seed: int = 1,
    *,
    planted: bool = True,
    found: bool = True,
    counts: bool = False,
    stops: bool = False,
    machine: Machine = MACHINE,
    run: str = "made-up-run",
) -> list[Result]:
    """One result for each cell and, with ``planted``, for the controls of each workload, the null target among them.

    Ramps are of the newest Python, as by default. Where the planted cost is not ``found``, the planted control has
    cost as much as the reference cell, so that the run is void.
    """
    cells = make_cells(stacks, pythons, workloads)
    every = [*cells, *(controls_of(cells) if planted else ())]
    results = {cell: _empty(cell, machine, run, seed, blocks) for cell in every}
    generator = random.Random(seed)
    for workload in workloads:
        some = [cell for cell in every if cell.workload == workload]
        for round_ in range(blocks):
            for cell, block in _cost_round(some, run, round_, generator, found=found).items():
                results[cell] = msgspec.structs.replace(results[cell], cost=(*results[cell].cost, block))
    for cell in cells:
        if cell.python == pythons[-1]:
            stopped = (make_stop(cell, run),) if stops else ()
            results[cell] = msgspec.structs.replace(results[cell], stops=stopped)
            climbs = tuple(make_ramp(cell, run, number, generator) for number in range(ramps))
            results[cell] = msgspec.structs.replace(results[cell], ramps=climbs)
        if counts:
            counted = tuple(make_count(cell, run, number, generator) for number in range(3))
            results[cell] = msgspec.structs.replace(results[cell], counts=counted)
    nulls = [make_null(workload, results, run, ramps, generator) for workload in workloads if planted and ramps]
    return [*results.values(), *nulls]


def make_null(workload: str, results: Mapping[Cell, Result], run: str, ramps: int, generator: random.Random) -> Result:
    """The null target's loads at the reference rate, which it answers at the floor."""
    cell = Cell(stack="null_target", python="3.13", workload=workload, control="null")
    like = next(one for one in results.values() if one.cell.workload == workload)
    blocks = []
    for number in range(ramps):
        load = _reference_load(cell, REFERENCE_RATES.get(workload, 20.0), generator)
        ramp = make_ramp(like.cell, run, number, generator)
        blocks.append(
            msgspec.structs.replace(ramp, reference=load, holds=None, limiter=None, ended=None, recovery=None)
        )
    return msgspec.structs.replace(like, cell=cell, cost=(), ramps=tuple(blocks), counts=())


def write(folder: Path, machine: str, results: Iterable[Result]) -> list[Path]:
    """Write the results into a machine's folder, as a run does."""
    return [store.write_result(folder, machine, result) for result in results]


def _empty(cell: Cell, machine: Machine, run: str, seed: int, blocks: int) -> Result:
    server = cell.stack.split("_", maxsplit=1)[0]
    build = PythonBuild(
        version=f"{cell.python}.2", implementation="CPython", compiler="Clang 20", origin="uv", pgo=True, lto=True,
        shared=server == "uwsgi", gil=True, jit=None,
    )  # fmt: skip
    environment = Environment(
        python=build, packages={"django": "6.0", "httpx": "0.28.1", server: "1.2.3"}, lock_sha256=f"{server}-lock",
        command=("{prefix}/bin/" + server, "--port", "{port}"), variables=("LANG", "PATH"),
    )  # fmt: skip
    return Result(
        format_version=FORMAT_VERSION,
        cell=cell,
        status=Status(state="ok"),
        conditions=Conditions(machine=machine, environment=environment, tool_lock_sha256="tool-lock", cost_rate=5.0),
        python_loop_ms=9.5 * PYTHON_RATIOS.get(cell.python, 1.0),
        runs=(
            Run(
                id=run, started=STARTED, seed=seed, profile="answer", kinds=("cost", "ramp"), git_commit="ab" * 20,
                tool_versions={"locust": "2.47.0"}, minutes=30.0, most_blocks=blocks,
            ),
        ),
    )  # fmt: skip


def _cost_round(
    cells: Sequence[Cell], run: str, round_: int, generator: random.Random, *, found: bool
) -> dict[Cell, CostBlock]:
    """One block of every cell, side by side: the machine's unrest is the same for all."""
    unrest = generator.lognormvariate(0, BLOCK_SD)
    reference = reference_of(cells)
    made = {}
    for place, cell in enumerate(cells):
        plant = PLANTED_SHARE * cost_ms(reference) if reference and cell.control == "planted" else None
        truth = cost_ms(cell) + (plant if plant and found else 0.0)
        made[cell] = CostBlock(
            run=run, round=round_, started=f"2026-11-25T10:{10 + round_ % 50}:00+00:00", duration_s=84.0,
            validity="valid", place=place, together=len(cells), rate=60.0 / len(cells), busy_share=0.5, window_s=40.0,
            requests=200, failures={}, idle_share=0.004, connections_per_request=0.02, planted_ms=plant,
            cpu_ms_per_request=truth * unrest * generator.lognormvariate(0, REST_SD),
        )  # fmt: skip
    return made


def held(cell: Cell) -> float:
    """The arrivals per second that the cell holds in truth."""
    with_shared = HOLDS.get(cell.stack, OTHERS_HOLD)
    return with_shared / 3 if CLIENT_MS.get(cell.workload, 0.0) > 0 and with_shared > 3 else with_shared


def make_ramp(cell: Cell, run: str, number: int, generator: random.Random) -> Ramp:
    """A climb until just above what the cell holds, overload, and what follows it."""
    holds = held(cell) * generator.choice((1.0, 1.0, 1 / 1.2))
    is_slow = cell.stack == "uwsgi_2_threads"
    reference = REFERENCE_RATES.get(cell.workload, 20.0)
    lowest = holds / 1.2**3 if is_slow else reference / 1.2
    rates = [lowest]
    while rates[-1] < holds * 1.3:
        rates.append(rates[-1] * 1.2)
    steps = tuple(_step(rate, holds, reference, 0.05 if is_slow else 0.9) for rate in rates)
    kept = [step.rate for step in steps if step.held]
    load = None if is_slow else _reference_load(cell, reference, generator)
    comes_back = cell.stack != METASTABLE
    recovery = Recovery(
        rate=lowest if is_slow else reference, before_p50_ms=604.0, seconds=2.0 + number if comes_back else None,
        watched_s=15.0,
    )  # fmt: skip
    return Ramp(
        run=run, round=number, started="2026-11-25T11:00:00+00:00", duration_s=48.0, validity="valid", seed=number,
        steps=steps, reference=load, holds=kept[-1], limiter="slots" if is_slow else "target-cpu", ended="backlog",
        recovery=recovery, seconds=_seconds(steps, recovery),
    )  # fmt: skip


def unstopped(ramp: Ramp) -> Ramp:
    """The same ramp as if its last rate were the highest one, and had been held."""
    last = msgspec.structs.replace(ramp.steps[-1], held=True)
    return msgspec.structs.replace(
        ramp, steps=(*ramp.steps[:-1], last), holds=last.rate, limiter=None, ended="highest rate", recovery=None
    )


def _step(rate: float, holds: float, reference: float, busy_share: float) -> RampStep:
    is_held = rate <= holds * 1.001
    seconds = 10.0 if abs(rate - reference) < 1e-6 else 3.0
    requests = round(rate * seconds)
    return RampStep(
        rate=rate, seconds=seconds, requests=requests, answered=requests if is_held else round(holds * seconds * 0.8),
        p50_ms=604.0 if is_held else 1900.0, p95_ms=628.0 if is_held else 3400.0,
        in_flight=round(rate * 0.61) if is_held else round(rate * 1.9), cpu_share=min(0.99, busy_share * rate / holds),
        held=is_held,
    )  # fmt: skip


def _seconds(steps: Sequence[RampStep], recovery: Recovery) -> RampSeconds:
    rows = [
        (round(step.rate), round(step.answered / step.seconds), step)
        for step in steps
        for _ in range(int(step.seconds))
    ]
    dropped = float(len(rows))
    lasts = int(recovery.watched_s if recovery.seconds is None else recovery.seconds + 3)
    is_back = [recovery.seconds is not None and second >= recovery.seconds for second in range(lasts)]
    p50_ms = [*(step.p50_ms or 0.0 for *_, step in rows), *(604.0 if back else 2400.0 for back in is_back)]
    answered = [
        *(answered for _, answered, _ in rows),
        *(round(recovery.rate * (1.0 if back else 0.6)) for back in is_back),
    ]
    offered = [*(offered for offered, *_ in rows), *([round(recovery.rate)] * lasts)]
    left = accumulate((one - two for one, two in zip(offered, answered, strict=True)), lambda x, y: max(0, x + y))
    return RampSeconds(
        offered=tuple(offered), answered=tuple(answered), p50_us=tuple(round(1000 * one) for one in p50_ms),
        in_flight=tuple(round(0.6 * rate) + more for rate, more in zip(offered, left, strict=True)), dropped_s=dropped,
    )  # fmt: skip


def _reference_load(cell: Cell, rate: float, generator: random.Random) -> ReferenceLoad:
    """Ten seconds at the reference rate: a little above the floor, with a long tail."""
    count = round(rate * 10)
    spread_ms = SPREAD_MS * RATIOS.get(cell.stack, 1.2) if cell.control != "null" else NULL_SPREAD_MS
    times_ms = sorted(FLOOR_MS + 2 + generator.expovariate(1 / spread_ms) for _ in range(count))
    histogram = HdrHistogram(1, 3_600_000_000, 3)
    for time_ms in times_ms:
        assert histogram.record_value(round(time_ms * 1000))
    return ReferenceLoad(
        rate=rate, window_s=10.0, requests=count, failures={}, latency_histogram=histogram.encode().decode("ascii"),
        latency_ms=LatencyMs(
            mean=sum(times_ms) / count, p50=times_ms[count // 2 - 1], p90=times_ms[round(count * 0.9) - 1],
            p95=times_ms[round(count * 0.95) - 1] if count >= 200 else None, p99=None, max=times_ms[-1],
        ),
        in_flight_mean=rate * 0.61, cpu_ms_per_request=1.1 * cost_ms(cell),
        pss_bytes=round((48 if "threads" in cell.stack else 72) * 1e6 * generator.uniform(0.99, 1.01)),
        threads_peak=103 if "threads" in cell.stack else 20,
        threads_per_request=2.9 if cell.stack == "uvicorn" else 0.0,
        switches_per_request=None if cell.stack == "uvicorn" else 21.5, connections_per_request=0.02,
    )  # fmt: skip


def make_count(cell: Cell, run: str, number: int, generator: random.Random) -> CountBlock:
    """Instructions that follow the CPU time, with hardly any noise: one in flight, and twenty, which cost half more."""
    counts = []
    for in_flight, factor in ((1, 1.0), (20, 1.5)):
        whole = 1e6 * cost_ms(cell) * factor * generator.lognormvariate(0, 0.002)
        counts.append(
            InstructionCount(
                in_flight=in_flight, requests=100, instructions=whole, idle=0.01 * whole,
                objects=(
                    InstructionShare(object="python3", instructions=0.8 * whole),
                    InstructionShare(object="libc.so.6", instructions=0.21 * whole),
                ),
                functions=(
                    InstructionShare(object="python3", function="_PyEval_EvalFrameDefault", instructions=0.3 * whole),
                ),
            )
        )  # fmt: skip
    return CountBlock(
        run=run, round=number, started="2026-11-25T12:00:00+00:00", duration_s=60.0, validity="valid", hash_seed=number,
        counter="valgrind-3.19.0", counts=tuple(counts),
    )  # fmt: skip


def make_stop(cell: Cell, run: str) -> Stop:
    """Three stops: uWSGI cuts everybody off at once, and of the others each answers all in flight.

    gunicorn_100_threads lets later visitors in and serves none of them.
    """
    in_view = min(5, 2 if cell.stack == "uwsgi_2_threads" else 5)
    if cell.stack.startswith("uwsgi"):
        trial = StopTrial(
            inside=Visitors(cut_off=in_view), queued=Visitors(cut_off=5 - in_view), late=Visitors(), first_gone_s=0.02,
            gone_s=0.02, left=(), kept=False, kept_closed_s=None,
        )  # fmt: skip
    else:
        late = Visitors(cut_off=7, refused=2) if cell.stack == "gunicorn_100_threads" else Visitors(refused=3)
        trial = StopTrial(
            inside=Visitors(answered=5), queued=Visitors(), late=late, first_gone_s=2.1, gone_s=2.3, left=(),
            kept=True, kept_closed_s=1.8,
        )  # fmt: skip
    return Stop(
        run=run, round=0, started="2026-11-25T13:00:00+00:00", duration_s=16.0, validity="valid", in_flight=5,
        deadline_s=35.0, trials=(trial, trial, trial),
    )  # fmt: skip
