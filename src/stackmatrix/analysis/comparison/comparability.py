"""Which results may be compared, and what must be said of two that differ in more than their names. Pure.

Only like with like: the machine and the way of measuring must be the same. Packages differ between two stacks by their
nature; between two Pythons of one stack their versions must not, from whichever list they were installed. A package
that only one of the two Pythons needs, and how a Python was built and is linked, may move a figure: such pairs are
compared, and carry what they differ in.
"""

from collections.abc import Sequence

from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.results.conditions import machine_differences
from stackmatrix.results.model import Result
from stackmatrix.results.types import PythonBuild

BUILDERS = {"uv": "built for uv", "pyenv": "built by pyenv", "distribution": "the distribution's"}
"""How each origin of an interpreter is said; others are of unknown origin."""
MOST_TOLD = 3
"""Packages that a sentence names: the rest is mostly of the same cause."""


def refuse(one: Result, other: Result) -> str | None:
    """Why two results must not be compared, in a sentence; ``None`` where they may be."""
    if one.conditions is None or other.conditions is None:
        return "One of them was not measured."
    differ = machine_differences(one.conditions, other.conditions)
    if differ:
        return f"They were not measured alike: {', '.join(differ)} differ."
    return _unlike_versions(one, other) if _have_other_locks(one, other) else None


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
    # Who has built them tells with which compiler; where that is the same for both, the compiler need not be.
    compilers = [build.compiler.partition(" ")[0] for build in builds]
    if builds[0].origin == builds[1].origin and len({*compilers}) > 1 and all(compilers):
        told.append(f"{names[0]} is compiled by {compilers[0]} and {names[1]} by {compilers[1]}")
    if one.cell.python == other.cell.python and builds[0].version != builds[1].version:
        told.append(f"{names[0]} ran on {builds[0].version} and {names[1]} on {builds[1].version}")
    if _have_other_locks(one, other):
        packages = (one.conditions.environment.packages, other.conditions.environment.packages)
        for name, has, lacks in zip(names, packages, reversed(packages), strict=True):
            more = [f"{package} {has[package]}" for package in sorted({*has} - {*lacks})]
            told += [f"only {name} has {_first(more)}"] if more else []
    return "; ".join(told) + "." if told else None


def _have_other_locks(one: Result, other: Result) -> bool:
    """Whether two cells of one stack, with the same packages overridden, were installed from unlike lists."""
    if one.conditions is None or other.conditions is None or one.cell.stack != other.cell.stack:
        return False
    locks = {each.conditions.environment.lock_sha256 for each in (one, other) if each.conditions}
    runtimes = [Runtime.of(each.cell.python) for each in (one, other)]
    # Of the two sides of a comparison the packages may be what is compared.
    are_meant = len({(each.overrides, each.side) for each in runtimes}) > 1
    return len(locks) > 1 and not are_meant


def _unlike_versions(one: Result, other: Result) -> str | None:
    """The packages that two Pythons of a stack have in other versions; ``None`` where there are none."""
    mine, theirs = (each.conditions.environment.packages for each in (one, other) if each.conditions)
    if not mine or not theirs:
        return "They were installed from different lock files, and so differ in more than their Python."
    common = sorted({*mine} & {*theirs})
    unlike = [f"{name} is {mine[name]} and {theirs[name]}" for name in common if mine[name] != theirs[name]]
    return f"They differ in more than their Python: {_first(unlike)}." if unlike else None


def _first(told: Sequence[str]) -> str:
    """The first of a list, and how many more there are."""
    more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return ", ".join(told[:MOST_TOLD]) + more


def _names(cell: Cell, other: Cell) -> tuple[str, str]:
    """What tells the two apart: their Pythons, or their stacks."""
    sides = Runtime.of(cell.python).side, Runtime.of(other.python).side
    if all(sides):
        return sides
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
        "runs with its JIT" if build.jit else "runs without a JIT",
        f"is slowed by {', '.join(build.slowed_by)}" if build.slowed_by else "is not slowed by anything in it",
    )
