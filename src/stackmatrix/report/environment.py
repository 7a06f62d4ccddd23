"""How a machine, the builds of its Pythons, the packages and the flags are put in words. Pure."""

from collections.abc import Iterable, Sequence

from stackmatrix.analysis.summary import MachineSummary
from stackmatrix.matrix.pythons import python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.results.conditions import Environment, Machine
from stackmatrix.results.model import Result
from stackmatrix.results.types import PythonBuild

ORIGINS = {"uv": "uv's build", "pyenv": "built by pyenv", "distribution": "the distribution's build"}
"""Who built an interpreter; what is not here is of unknown origin."""
BESIDE_SERVERS = {"django", "httpx", "httpcore", "anyio", "gevent", "uvloop", "httptools"}
"""Packages that are on the path of a request, beside the servers themselves."""


def describe(machine: Machine) -> str:
    """A machine in one line."""
    gib = machine.memory_bytes / 2**30
    virtual = {True: "virtual machine", False: "no virtual machine", None: "virtual or not: unknown"}
    kinds = ", ".join(f"{len(kind)} {word}" for kind, word in zip(machine.core_kinds, SPEEDS, strict=False))
    named = f"{machine.computer}, " if machine.computer else ""
    return (
        f"{named}{machine.cpu_model}, {machine.cores} cores{f' ({kinds})' if kinds else ''}, {gib:.0f} GiB, "
        f"{virtual[machine.virtualised]}, {machine.os}, {machine.kernel}"
    )


SPEEDS = ("of the fastest kind", "of a slower kind", "of the next slower", "of the slowest")
"""How the kinds of cores are called, in their order."""


def pinning(machine: Machine) -> str:
    """Which roles ran on which cores."""
    if machine.pinning is None:
        return "nothing is pinned to a core"
    roles = "; ".join(f"{role}: {', '.join(map(str, cores))}" for role, cores in sorted(machine.pinning.items()))
    return f"cores by role: {roles}"


def built(python: PythonBuild) -> str:
    """An interpreter in one line: version, who built it, how it was optimised and linked as far as it tells."""
    optimised = [
        {True: f"with {name}", False: f"without {name}", None: f"{name} unknown"}[told]
        for name, told in (("PGO", python.pgo), ("LTO", python.lto))
    ]
    linked = {True: "shared libpython", False: "static", None: "linkage unknown"}[python.shared]
    slowed = [f"slowed by {', '.join(python.slowed_by)}"] if python.slowed_by else []
    more = [*([] if python.gil else ["no GIL"]), *(["JIT"] if python.jit else []), *slowed]
    origin = ORIGINS.get(python.origin, "of unknown origin")
    return (
        f"{python.implementation} {python.version}: {', '.join([origin, *optimised, linked, *more, python.compiler])}"
    )


def builds(results: Iterable[Result]) -> tuple[str, ...]:
    """Every interpreter that served, with the stacks where those of one version were built or linked differently."""
    stacks: dict[str, dict[str, list[str]]] = {}
    for result in results:
        if result.conditions is not None and result.cell.control is None:
            of_python = stacks.setdefault(result.cell.python, {})
            of_python.setdefault(built(result.conditions.environment.python), []).append(result.cell.stack)
    return tuple(
        line if len(found) == 1 else f"{line} ({', '.join(sorted(set(names)))})"
        for _, found in sorted(stacks.items(), key=lambda one: python_key(one[0]))
        for line, names in sorted(found.items())
    )


def packages(results: Iterable[Result]) -> tuple[str, ...]:
    """The packages on the path of a request, in every version that was measured."""
    named = {*BESIDE_SERVERS, *(stack.server for stack in STACKS.values())}
    found = {
        f"{name} {version}"
        for result in results
        if result.conditions is not None
        for name, version in result.conditions.environment.packages.items()
        if name in named
    }
    return tuple(sorted(found))


def flags(results: Sequence[Result]) -> tuple[tuple[str, str, str], ...]:
    """Each stack with the command that served it, and who recommends its flags."""
    commands = {
        result.cell.stack: typed(result.conditions.environment.command)
        for result in results
        if result.conditions is not None and result.cell.control is None
    }
    return tuple((stack, command, recommended_by(stack)) for stack, command in sorted(commands.items()))


def recommended_by(stack: str) -> str:
    """Who recommends a stack's flags; empty where the table does not have the stack."""
    row = STACKS.get(stack)
    return str(getattr(row, "flags_from", "")) if row is not None else ""


def typed(command: Iterable[str]) -> str:
    """A command on one line, with quotes around an argument that has a space."""
    return " ".join(f'"{part}"' if " " in part else part for part in command)


def served(environment: Environment) -> tuple[str, ...]:
    """What served one cell: its interpreter, its command and its packages."""
    installed = ", ".join(f"{name} {version}" for name, version in sorted(environment.packages.items()))
    return built(environment.python), typed(environment.command), installed


def conditions(machine: MachineSummary) -> tuple[str, ...]:
    """What all results of a machine were made under, one sentence for each kind of thing."""
    if machine.machine is None:
        return ()
    return (
        f"Machine: {describe(machine.machine)}; {pinning(machine.machine)}.",
        *(f"{build}." for build in builds(machine.results)),
        f"Packages: {', '.join(packages(machine.results))}.",
    )
