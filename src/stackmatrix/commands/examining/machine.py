"""The machine: its cores, what else uses them, what a control group leaves of them, and its clocks."""

import os

from stackmatrix.analysis.level.usage import FOREIGN_SHARE, STEAL_SHARE
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import MachineLimitError
from stackmatrix.results.conditions import Machine
from stackmatrix.results.diagnosis import Diagnosis, fine, note, stops, unknown
from stackmatrix.system import cgroup, clock, limits, ports
from stackmatrix.system.clock import Clock
from stackmatrix.system.cores import Layout, why_not_pinned, why_slower
from stackmatrix.system.watch import Watched

JUMP_S = 0.01
"""More than keeping a clock right moves it within a second."""


def cores(case: Case) -> Diagnosis:
    """Which cores the roles get."""
    why = why_slower(case.layout) or limits.why_cores_unknown(case.layout)
    return of_layout(case.layout) if why is None else note(why)


def of_layout(layout: Layout) -> Diagnosis:
    if why := why_not_pinned(layout):
        return note(why, "Trust differences between stacks of one block, and no latency or rate that is held.")
    roles = layout.roles() or {}
    parts = [f"{role.replace('_', ' ')} {', '.join(map(str, own))}" for role, own in roles.items()]
    said = f"By number: {'; '.join(parts)}."
    if {*layout.generator} & {*layout.api}:
        return note(
            f"{said} Generator and external API share a core.",
            "Fine up to 100 requests/s; use four cores or more beyond.",
        )
    return fine(said)


def processor(case: Case) -> Diagnosis:
    """What the processor is, and whether its clock is left to move."""
    return of_machine(case.machine)


def of_machine(machine: Machine) -> Diagnosis:
    virtual = {
        True: "in a virtual machine",
        False: "not in a virtual machine",
        None: "virtual or not: unknown",
    }[machine.virtualised]
    said = (
        f"{machine.cpu_model}, {machine.cores} cores, {virtual}; frequency governor: {machine.governor or 'unknown'}."
    )
    if machine.governor in (None, "performance"):
        return fine(said)
    return note(
        f"{said} Its speed moves with the load.", "Set it to performance (cpupower frequency-set -g performance)."
    )


def quota(case: Case) -> Diagnosis:
    """Whether a control group takes the cores away in the middle of requests."""
    layout = case.layout
    if why := cgroup.why_limited():
        return stops(MachineLimitError.exit_code, why)
    groups = cgroup.groups_of([os.getpid()])
    if not groups:
        return unknown("This system shows no control groups.")
    granted = cgroup.quota_cores(groups)
    if granted is None:
        return fine("No control group limits CPU time.")
    return fine(f"{granted:g} cores may be used, and a measurement uses {len({*layout.used, *layout.harness})}.")


def other_limits(case: Case) -> Diagnosis:
    """Whether the shell, the container or the temporary folder has a limit that ends what is measured in its middle."""
    del case
    if why := next(limits.stopping(), None):
        return stops(MachineLimitError.exit_code, why)
    if why := limits.why_no_shared_memory():
        return note(why)
    return fine("None on CPU time, size of files, stacks or addresses; there are a temporary folder and a loopback.")


def load(case: Case) -> Diagnosis:
    """Whether anything else works now."""
    if case.watched is None:
        return fine("Not looked at: a run that proves the wiring is no evidence, whatever else runs.")
    return of_watched(case.watched)


def of_watched(watched: Watched) -> Diagnosis:
    if watched.steal_share is not None and watched.steal_share > STEAL_SHARE:
        return note(
            f"The hypervisor gave {watched.steal_share:.0%} of a core to others within {watched.span_s:.1f} s: blocks "
            f"with more than {STEAL_SHARE:.0%} do not count.",
            "Run when the host is quiet, or on dedicated cores.",
        )
    if watched.foreign_share is None:
        if watched.busy_share is None:
            return unknown("This system does not tell what else uses its cores.")
        said = f"All together use {watched.busy_share:.0%} of a core; this system does not tell which are others."
        return unknown(said) if watched.busy_share <= FOREIGN_SHARE else note(said, "Stop what need not run.")
    if watched.foreign_share > FOREIGN_SHARE:
        return note(
            f"Other processes use {watched.foreign_share:.0%} of a core, most of all {watched.foreign_name}: blocks "
            f"with more than {FOREIGN_SHARE:.0%} do not count.",
            "Stop it, or wait until it has ended.",
        )
    hidden = (watched.busy_share or 0.0) - watched.foreign_share
    if hidden > 2 * FOREIGN_SHARE:
        return note(
            f"The cores are busy with {hidden:.0%} of a core that no process here accounts for: another container?",
            "Run when the host is quiet.",
        )
    return fine(f"Other processes use {watched.foreign_share:.0%} of a core.")


def clocks(case: Case) -> Diagnosis:
    """Which clock is read, and whether it is left alone."""
    return of_clock(clock.describe(), 0.0 if case.watched is None else case.watched.jump_s)


def of_clock(found: Clock, jump_s: float) -> Diagnosis:
    kept = {
        True: "It is synchronised.",
        False: "It is not synchronised: dates may be wrong, but nothing that is measured.",
        None: "Synchronised or not: unknown.",
    }[found.is_synchronised]
    if abs(jump_s) > JUMP_S:
        return note(
            f"The wall clock was set by {1000 * jump_s:.0f} ms while it was looked at. What is measured goes by "
            "another clock, but the order of runs goes by this one.",
            "Look for what sets it: two services that keep it, or the host.",
        )
    if found.is_slow:
        return note(
            f"Its source is {found.source}: each look at the clock is a call of the kernel, so that requests cost more "
            "than elsewhere, and most where a server looks often.",
            "See /sys/devices/system/clocksource/clocksource0 for others.",
        )
    if found.source is None and found.is_synchronised is None:
        return unknown("It was not set while it was looked at; this system tells no more.")
    return fine(f"Its source is {found.source or 'unknown'}. {kept}")


def listen_queue(case: Case) -> Diagnosis:
    """How many connections may wait for a target."""
    del case
    if why := ports.why_short_backlog():
        return note(why)
    return fine(f"{ports.allowed_backlog()} connections may wait.")
