"""What all blocks of a file were made under: evidence adds up, and is compared, under the same conditions. Pure."""

from collections.abc import Iterator

from stackmatrix.results.types import Count, NonNegative, PythonBuild, Struct

PROTOCOL = 1
"""Raised whenever the same kind of measurement is made in another way, so that its figures are others."""
MOST_TOLD = 5
"""Packages that are named: the rest is counted."""


class Machine(Struct, frozen=True):
    """The machine that was measured on. ``pinning`` maps a role to its cores; it is ``None`` where nothing is pinned.

    ``cpu_id`` is the processor's family, model and stepping, as in ``25-1-1``, or other numbers in their place:
    hypervisors shorten the model's name. ``computer`` is what the firmware calls what is around the processor.
    ``core_kinds`` are the cores by how fast they are, the fastest kind first; empty where all are alike, or nothing
    tells.
    """

    cpu_model: str
    cores: Count
    memory_bytes: Count
    kernel: str
    os: str
    governor: str | None
    virtualised: bool | None
    pinning: dict[str, tuple[Count, ...]] | None
    cpu_id: str | None = None
    computer: str | None = None
    core_kinds: tuple[tuple[int, ...], ...] = ()


class Environment(Struct, frozen=True):
    """The environment that served: its packages and their lock file, the command, and its variables by name.

    In the command ``{prefix}`` and ``{port}`` stand for what differs from place to place and run to run. ``app_sha256``
    is the hash of the files of somebody's own application.
    """

    python: PythonBuild
    packages: dict[str, str]
    lock_sha256: str
    command: tuple[str, ...]
    variables: tuple[str, ...]
    app_sha256: str | None = None


class Conditions(Struct, frozen=True):
    """Everything that must be the same for two blocks to belong together.

    ``cost_rate`` is of arrivals per second at each cell in cost blocks, once it was found: a request's cost depends on
    how many others are under way.
    """

    machine: Machine
    environment: Environment
    tool_lock_sha256: str | None
    protocol: Count = PROTOCOL
    cost_rate: NonNegative | None = None


def differences(one: Conditions, other: Conditions) -> tuple[str, ...]:
    """What differs between two conditions, in words; empty when blocks made under them belong together."""
    return (*machine_differences(one, other), *environment_differences(one.environment, other.environment))


def machine_differences(one: Conditions, other: Conditions) -> tuple[str, ...]:
    """What differs beside the environments that served."""
    pairs: dict[str, tuple[object, object]] = {
        **_identities(one.machine, other.machine),
        "the kernel": (one.machine.kernel, other.machine.kernel),
        "the system": (one.machine.os, other.machine.os),
        "the governor": (one.machine.governor, other.machine.governor),
        "the pinning": (one.machine.pinning, other.machine.pinning),
        "the tool environment": (one.tool_lock_sha256, other.tool_lock_sha256),
        "the way of measuring": (one.protocol, other.protocol),
    }
    if one.cost_rate is not None and other.cost_rate is not None:
        pairs["the arrivals per second at each cell"] = (one.cost_rate, other.cost_rate)
    return tuple(_named(pairs))


def identity_differences(one: Machine, other: Machine) -> tuple[str, ...]:
    """What makes two machines different ones, in words; empty where they may be the same one at two times."""
    return tuple(_named(_identities(one, other)))


def _identities(one: Machine, other: Machine) -> dict[str, tuple[object, object]]:
    pairs: dict[str, tuple[object, object]] = {
        "the processor": (_processor(one), _processor(other)),
        "the cores": (one.cores, other.cores),
    }
    if one.computer is not None and other.computer is not None:
        pairs["the computer"] = (one.computer, other.computer)
    # A kernel keeps some for itself, not always the same.
    if not 1 - MEMORY_SHARE < one.memory_bytes / max(1, other.memory_bytes) < 1 + MEMORY_SHARE:
        pairs["the memory"] = (_gib(one), _gib(other))
    return pairs


MEMORY_SHARE = 0.1
"""Memory that differs by less is of the same machine."""


def _gib(machine: Machine) -> str:
    return f"{machine.memory_bytes / 2**30:.3g} GiB"


def environment_differences(one: Environment, other: Environment) -> tuple[str, ...]:
    """What differs between two environments that served."""
    pairs: dict[str, tuple[object, object]] = {
        "the Python": (one.python, other.python),
        "the packages": ((one.packages, one.lock_sha256), (other.packages, other.lock_sha256)),
        "the command": (one.command, other.command),
        "the variables": (one.variables, other.variables),
        "the application": ((one.app_sha256,), (other.app_sha256,)),
    }
    return tuple(_named(pairs))


def environment_details(one: Environment, other: Environment) -> tuple[str, ...]:
    """The same, with the versions of the packages and of the Python where these differ."""
    names = sorted({*one.packages, *other.packages})
    packages = [
        f"{name} {one.packages.get(name, 'none')} → {other.packages.get(name, 'none')}"
        for name in names
        if one.packages.get(name) != other.packages.get(name)
    ]
    more = [f"{len(packages) - MOST_TOLD} more"] if len(packages) > MOST_TOLD else []
    versions = [one.python.version, other.python.version]
    told = {
        "the packages": ", ".join([*packages[:MOST_TOLD], *more]),
        "the Python": " → ".join(versions) if len({*versions}) > 1 else "another build of the same version",
    }
    return tuple(f"{name} ({told[name]})" if told.get(name) else name for name in environment_differences(one, other))


def _processor(machine: Machine) -> str:
    return f"{machine.cpu_model} {machine.cpu_id}" if machine.cpu_id else machine.cpu_model


def _named(pairs: dict[str, tuple[object, object]]) -> Iterator[str]:
    for name, (mine, theirs) in pairs.items():
        if mine != theirs:
            is_short = isinstance(mine, str | int | float) and "environment" not in name
            yield f"{name} ({mine} → {theirs})" if is_short else name
