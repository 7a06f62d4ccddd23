"""How the machine, the builds and the packages are put in words, and what trials found that holds for all. Pure."""

from collections.abc import Sequence

from stackmatrix.matrix.stacks import STACKS
from stackmatrix.results.model import Machine, Result
from stackmatrix.results.trials import Trial
from stackmatrix.results.types import PythonBuild


def describe(machine: Machine) -> str:
    """A machine in one line."""
    gib = machine.memory_bytes / 2**30
    virtual = {True: "virtual machine", False: "no virtual machine", None: "virtual or not: unknown"}
    return (
        f"{machine.cpu_model}, {machine.cores} cores, {gib:.0f} GiB, {virtual[machine.virtualised]}, "
        f"{machine.os}, {machine.kernel}"
    )


def pinning(machine: Machine) -> str:
    """Which roles ran on which cores."""
    if machine.pinning is None:
        return "not pinned"
    return f"target on core {', '.join(map(str, machine.pinning['target']))}, the rest on others"


def built(python: PythonBuild) -> str:
    """How an interpreter was optimised, as far as its configuration shows."""
    return f"configured with{'' if python.optimised else 'out'} --enable-optimizations"


def builds(results: Sequence[Result]) -> tuple[str, ...]:
    """Every build of a Python that was measured."""
    found = {
        f"{build.implementation} {build.version} ({build.compiler}, {built(build)}{'' if build.gil else ', no GIL'})"
        for result in results
        if result.environment is not None and (build := result.environment.python)
    }
    return tuple(sorted(found))


def packages(results: Sequence[Result]) -> tuple[str, ...]:
    """The packages that matter, in every version that was measured."""
    named = {"django", "httpx", *(stack.server for stack in STACKS.values()), "gevent", "uvloop", "httptools"}
    found = {
        f"{name} {version}"
        for result in results
        if result.environment is not None
        for name, version in result.environment.packages.items()
        if name in named
    }
    return tuple(sorted(found))


AFTER_OVERLOAD = (
    "Some open levels were driven after closed ones that were heavier and an overload, which can leave a server slow: "
    "what they show may be worse than it is."
)


def remarks(results: Sequence[Result]) -> tuple[str, ...]:
    """What whole trials found: one sentence for each code, as they differ by a number from trial to trial."""
    trials = [trial for result in results for trial in result.trials]
    found = {one.code: one.sentence for trial in trials for one in trial.findings}
    return (*found.values(), *([AFTER_OVERLOAD] if any(map(_went_back, trials)) else []))


def _went_back(trial: Trial) -> bool:
    """Whether an open level followed a heavier closed one at which its users were not the limit."""
    heaviest_rps = 0.0
    for level in trial.levels:
        if level.model == "closed" and level.limiter != "users":
            heaviest_rps = max(heaviest_rps, level.bound_rps or 0.0)
        elif level.model == "open" and level.throughput_rps is not None and (level.rate or 0.0) < heaviest_rps:
            return True
    return False
