"""Room for what is to run: memory, open files, processes, ports, and space on disks.

What cells need is taken from their results where there are any, and else estimated, which is then said.
"""

from collections.abc import Mapping, Sequence
from statistics import median

from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import (
    MachineLimitError,
    OpenFilesError,
    PortTakenError,
    ResultFileError,
    ResultsFolderError,
)
from stackmatrix.matrix.ladder import requests_at_once
from stackmatrix.matrix.ramp import VISITORS
from stackmatrix.matrix.stacks.stack import Stack
from stackmatrix.matrix.wording import listed, plural, size
from stackmatrix.results.diagnosis import Diagnosis, fine, note, stops, unknown
from stackmatrix.results.model import Result
from stackmatrix.system import headroom, host, ports
from stackmatrix.system.headroom import Disk, Memory, Tasks
from stackmatrix.testbed.environments import NOX_FOLDER

PROCESS_BYTES = 80_000_000
"""Of a serving process with Django, httpx and its server, where none was measured: they take 50 to 110 MB."""
BESIDE_BYTES = 350_000_000
"""What the harness with its libraries, the load generator, the external API and the supervisor take together."""
ENVIRONMENT_BYTES = 100_000_000
RESULT_BYTES = 300_000
"""A result file is smaller than that."""
LOGS_BYTES = 50_000_000
TASKS_BESIDE = 64
"""Processes and threads of the harness, the load generator, the external API and the supervisor, generously."""
TASKS_EACH = 8
"""Those of a target beside the threads that serve: its first process, what it watches with, and its client's."""


def memory(case: Case) -> Diagnosis:
    """Whether the cells that stand side by side fit into memory."""
    side_by_side = case.together[: case.most_together]
    measured = {cell: found for cell, one in case.files.items() if (found := _pss_bytes(one))}
    known = [measured[cell] for cell in side_by_side if cell in measured]
    usual = median(known) if known else None
    needs = [measured.get(cell) or usual or PROCESS_BYTES * case.stack(cell).workers for cell in side_by_side]
    return of_memory(headroom.memory(), needs, is_measured=bool(known))


def _pss_bytes(result: Result | ResultFileError) -> float | None:
    """What a cell's processes took of memory at the reference rate."""
    if isinstance(result, ResultFileError):
        return None
    found = [ramp.reference.pss_bytes for ramp in result.ramps if ramp.reference and ramp.reference.pss_bytes]
    return median(found) if found else None


def of_memory(memory: Memory, needs: Sequence[float], *, is_measured: bool) -> Diagnosis:
    needed = sum(needs) + BESIDE_BYTES
    whose = " of this control group" if memory.by_group else ""
    basis = "as earlier runs measured" if is_measured else "by estimate"
    said = (
        f"{size(memory.available)} of {size(memory.total)}{whose} are available; a run with "
        f"{plural(len(needs), 'cell')} side by side takes about {size(needed)}, {basis}."
    )
    remedy = "Choose fewer cells at once (--stacks, --pythons), or give it more memory."
    if memory.total < needed and is_measured:
        return stops(MachineLimitError.exit_code, said, remedy)
    if memory.available < needed:
        return note(said, f"Stop what else uses memory. {remedy}")
    return fine(said)


def open_files(case: Case) -> Diagnosis:
    """Whether all requests that are under way at once fit into the limit on open files."""
    at_once = most_at_once(case)
    try:
        allowed = host.need_open_files(at_once)
    except OpenFilesError as error:
        return stops(error.exit_code, str(error))
    return fine(f"{allowed} are allowed; {at_once} requests at once fit.")


def most_at_once(case: Case) -> int:
    """The most requests that any of the chosen kinds has under way."""
    kinds = case.profile.kinds
    wanted = [2 * min(len(case.together), case.most_together)] if "cost" in kinds else []
    wanted += [VISITORS] if {"ramp", "hold"} & {*kinds} else []
    wanted += map(requests_at_once, case.profile.ladder) if "ladder" in kinds else []
    return max(wanted, default=1)


def tasks(case: Case) -> Diagnosis:
    """Whether all processes and threads may be started."""
    each = sorted((threads_of(case.stack(cell)) for cell in case.together), reverse=True)
    return of_tasks(headroom.tasks(), each[: case.most_together])


def threads_of(stack: Stack) -> int:
    """How many threads a stack has at most: one for each slot, where a thread serves each request."""
    serving = stack.slots if stack.waits_with == "threads" and stack.slots else stack.workers
    return serving + TASKS_EACH * stack.workers


THE_GROUP, THE_SHELL = "this control group (pids.max)", "this shell (ulimit -u)"


def of_tasks(found: Tasks | None, each: Sequence[int]) -> Diagnosis:
    if found is None:
        return fine("Nothing limits their number.")
    most, least = TASKS_BESIDE + sum(each), TASKS_BESIDE + max(each, default=0)
    said = f"{found.left} more of {found.limit} may be started, by {THE_GROUP if found.by_group else THE_SHELL}"
    remedy = "Raise it (ulimit -u; docker: --pids-limit; systemd: TasksMax), or choose fewer cells at once."
    if found.left < least:
        return stops(
            MachineLimitError.exit_code, f"{said}, and one cell under load alone needs up to {least} threads.", remedy
        )
    if found.left < most:
        return note(f"{said}, and all cells side by side may have {most} threads.", remedy)
    return fine(f"{said}; a run has {most} at most.")


def free_ports(case: Case) -> Diagnosis:
    """Whether there are ports for everything that is up at once."""
    wanted = max(1, min(len(case.together), case.most_together))
    try:
        (api,) = ports.find_free(ports.apart(ports.API_PORT), 1)
        targets = ports.find_free(ports.apart(ports.TARGET_PORT), wanted)
    except PortTakenError as error:
        return stops(error.exit_code, str(error))
    return fine(f"Free: {api} for the external API, {targets[0]} to {targets[-1]} for targets.")


def serving_ports(case: Case) -> Diagnosis:
    """Whether the fixed ports of ``serve`` are free: a run does not need them."""
    from stackmatrix.testbed import serve

    stacks = {stack.name: stack for stack in map(case.stack, case.served) if stack.port}
    taken = []
    for port, purpose, *_ in serve.ports_of([*stacks.values()]):
        try:
            ports.need_free_port(port, purpose)
        except PortTakenError as error:
            taken.append(str(error).partition(":")[0])
    if not taken:
        return fine("All are free.")
    return note(
        f"{listed(taken, 2)}. A run takes others, and only nox -s serve would not start.", "Stop it before you serve."
    )


def disks(case: Case) -> Diagnosis:
    """Whether there is room for what is installed and written."""
    environments = len({(case.stack(cell).environment, cell.python) for cell in case.missing})
    files = len({*case.cells, *case.together})
    wanted = {
        "environments": (headroom.disk(NOX_FOLDER), environments * ENVIRONMENT_BYTES),
        "results": (headroom.disk(case.folder), files * RESULT_BYTES + LOGS_BYTES),
    }
    return of_disks({name: (disk, needs) for name, (disk, needs) in wanted.items() if disk is not None and needs})


def of_disks(wanted: Mapping[str, tuple[Disk, int]]) -> Diagnosis:
    """``wanted`` has the disk and the bytes that are needed there, by what they are for."""
    if not wanted:
        return unknown("This system does not tell how much room there is.")
    by_device: dict[int, list[str]] = {}
    for name, (disk, _) in wanted.items():
        by_device.setdefault(disk.device, []).append(name)
    said, lacking = [], []
    for names in by_device.values():
        disk, needs = wanted[names[0]][0], sum(wanted[name][1] for name in names)
        said.append(f"{' and '.join(names)} need about {size(needs)}, and {size(disk.free)} are free")
        lacking += [disk] if disk.free < needs else []
    text = f"{'; '.join(said)}."
    text = f"{text[0].upper()}{text[1:]}"
    if not lacking:
        return fine(text)
    remedy = f"Make room where {lacking[0].path} is, or choose another folder for results (--results)."
    if any(disk.free < LOGS_BYTES for disk in lacking):
        return stops(ResultsFolderError.exit_code, text, remedy)
    return note(text, remedy)
