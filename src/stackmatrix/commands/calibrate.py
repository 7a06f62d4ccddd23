"""How good this machine is for benchmarking, and what limits it."""

import argparse

from rich.console import Console
from rich.table import Table

from stackmatrix.commands.options import add_machine, add_results, machine_name
from stackmatrix.matrix.profiles import DEFAULT_PROFILE, PROFILES
from stackmatrix.measurements.calibration.kind import MachineCalibration
from stackmatrix.measurements.request import Request
from stackmatrix.measurements.runner import Runner
from stackmatrix.report.live import make_view
from stackmatrix.report.terminal import make_console
from stackmatrix.results import store
from stackmatrix.results.calibration import Calibration
from stackmatrix.system import git


def add_options(parser: argparse.ArgumentParser) -> None:
    add_machine(parser)
    parser.add_argument("--commit", action="store_true", help="commit exactly the file that was written")
    add_results(parser)


def execute(options: argparse.Namespace) -> int:
    if options.commit:
        git.need_committable(options.results.resolve())
    console, kind = make_console(), MachineCalibration()
    request = Request(cells=(), seed=1, folder=options.results.resolve(), machine_name=machine_name(options))
    runner = Runner(request, PROFILES[DEFAULT_PROFILE], [kind], make_view(console))
    runner.run()
    calibration = kind.calibration()
    path = store.write_calibration(request.folder, runner.machine_name, calibration)
    show(console, calibration)
    console.print(str(path), soft_wrap=True, highlight=False, markup=False)
    if options.commit:
        message = f"Calibrate {runner.machine_name}: {calibration.grade}\n\n" + "\n".join(calibration.limits)
        git.commit([path], message)
    return 0


def show(console: Console, calibration: Calibration) -> None:
    """Print what was measured, then the verdict: what limits the machine and what to do."""
    steps = Table(title="The null target: 600 ms, and no cost", title_justify="left", pad_edge=False)
    for heading in ("arrivals/s", "requests", "failures", "lag p99 ms", "lag max ms", "p50 ms", "p99 ms", "core busy"):
        steps.add_column(heading, justify="right")
    for step in calibration.rate_steps:
        times = step.response_ms
        steps.add_row(
            f"{step.rate:g}",
            str(step.requests),
            str(step.failures),
            f"{step.lag_ms_p99:.2f}",
            f"{step.lag_ms_max:.1f}",
            f"{times.p50:.1f}",
            "–" if times.p99 is None else f"{times.p99:.1f}",
            "–" if step.core_share is None else f"{step.core_share:.0%}",
        )
    console.print(steps)
    api, loop = calibration.external_api, calibration.loop
    overslept = (
        ""
        if api.overshoot_ms_p99 is None
        else f", oversleeps by {api.overshoot_ms_mean:.2f} ms on average, {api.overshoot_ms_p99:.1f} ms at p99"
    )
    lines = [
        f"Generator: {calibration.generator_ceiling_rps:,.0f} requests/s at most, one process, closed loop.",
        f"External API: {api.ceiling_rps:,.0f} requests/s at most{overslept}.",
        f"Sleep of 1 ms: {calibration.jitter.p50_ms:.2f} ms longer at p50, {calibration.jitter.p99_ms:.2f} at p99.",
        f"CPU loop at rest: median {loop.median_ms:.2f} ms, up to {loop.spread:.0%} off it.",
        f"The same server anew: CPU per request differs by {calibration.twins.sd:.1%} (standard deviation).",
    ]
    if calibration.steal_share is not None:
        lines.append(f"Steal: {calibration.steal_share:.2%} of a core.")
    lines.append(f"This machine is {calibration.grade} for benchmarking.")
    for sentence, advice in zip(calibration.limits, calibration.advice, strict=True):
        lines.append(f"- {sentence} {advice}")
    for line in lines:
        console.print(line, markup=False, highlight=False)
