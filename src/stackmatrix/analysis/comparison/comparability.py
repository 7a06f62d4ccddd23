"""Which results may be compared, and what must be said of two that differ in more than their names. Pure.

Only like with like: the machine and the way of measuring must be the same. Packages differ between two stacks by their
nature; between two Pythons of one stack they must not. How a Python was built and is linked moves a figure as much as
its version may: such pairs are compared, and carry what they differ in.
"""

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.results.conditions import machine_differences
from stackmatrix.results.model import Result
from stackmatrix.results.types import PythonBuild

BUILDERS = {"uv": "built for uv", "pyenv": "built by pyenv", "distribution": "the distribution's"}
"""How each origin of an interpreter is said; others are of unknown origin."""


def refuse(one: Result, other: Result) -> str | None:
    """Why two results must not be compared, in a sentence; ``None`` where they may be."""
    if one.conditions is None or other.conditions is None:
        return "One of them was not measured."
    differ = machine_differences(one.conditions, other.conditions)
    if differ:
        return f"They were not measured alike: {', '.join(differ)} differ."
    locks = (one.conditions.environment.lock_sha256, other.conditions.environment.lock_sha256)
    runtimes = (Runtime.of(one.cell.python), Runtime.of(other.cell.python))
    are_locked_alike = runtimes[0].overrides == runtimes[1].overrides
    if one.cell.stack == other.cell.stack and are_locked_alike and locks[0] != locks[1]:
        return "They were installed from different lock files, and so differ in more than their Python."
    return None


def caution(one: Result, other: Result) -> str | None:
    """What else than their names two results differ in: how their Pythons were built and are linked."""
    if one.conditions is None or other.conditions is None:
        return None
    builds = (one.conditions.environment.python, other.conditions.environment.python)
    names = _names(one.cell, other.cell)
    told = [
        f"{names[0]} {mine} and {names[1]} {theirs}"
        for mine, theirs in zip(*(_traits(build) for build in builds), strict=True)
        if mine != theirs and "" not in (mine, theirs)
    ]
    if one.cell.python == other.cell.python and builds[0].version != builds[1].version:
        told.append(f"{names[0]} ran on {builds[0].version} and {names[1]} on {builds[1].version}")
    return "; ".join(told) + "." if told else None


def _names(cell: Cell, other: Cell) -> tuple[str, str]:
    """What tells the two apart: their Pythons, or their stacks."""
    return (cell.python, other.python) if cell.stack == other.stack else (cell.stack, other.stack)


def _traits(build: PythonBuild) -> tuple[str, ...]:
    """What is told of a build, each as what follows its name; empty where nothing is known."""
    return (
        f"is {BUILDERS.get(build.origin, 'of another origin')}",
        {True: "runs a shared libpython", False: "is linked statically", None: ""}[build.shared],
        {
            True: "is built with profile-guided optimisation",
            False: "is built without profile-guided optimisation",
            None: "",
        }[build.pgo],
        {True: "is built with link-time optimisation", False: "is built without link-time optimisation", None: ""}[
            build.lto
        ],
    )
