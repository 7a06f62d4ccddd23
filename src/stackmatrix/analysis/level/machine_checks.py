"""Validity: the checks of the machine around a level. They are listed, as all checks are, in :mod:`.checks`. Pure."""

from stackmatrix.analysis.level.facts import LevelFacts, unrest
from stackmatrix.analysis.level.usage import FOREIGN_SHARE, STEAL_SHARE
from stackmatrix.results.findings import Code, Finding, invalid, note

FILES_SHARE = 0.8
PORTS_SHARE = 0.8
UNEXPLAINED_SHARE = 0.05
"""Of a core. It stands above what the kernel's own accounting of a core is off by (see ``system.machine_meter``)."""
RETRANSMITTED_SHARE = 0.005
"""Of the window's requests. Every one is late by 0.2 s or more, and so few of them hardly move a p95 or a mean; the
machine's counters are of all of its connections, so that a single one need not be ours."""
PACE_SHARE = 0.08
HELD_UP_S = 1.0
"""A window that is read so much too late has the load's end in it, or what came after."""


def above(share: float | None, most: float, code: Code, sentence: str) -> Finding | None:
    """Invalid where a share is known and above the most that is allowed; it stands in the sentence."""
    return None if share is None or share <= most else invalid(code, sentence.format(share))


def check_open_files(facts: LevelFacts) -> Finding | None:
    """No process came near its limit on open files; at the target that is a result."""
    for role, name in (("generator", "generator"), ("external_api", "external API")):
        share = facts.uses[role].fds_share_peak
        if share is not None and share > FILES_SHARE:
            return invalid(Code.OPEN_FILES, f"The {name} used {share:.0%} of the open files that it may have.")
    share = facts.uses["target"].fds_share_peak
    if share is not None and share > FILES_SHARE:
        return note(Code.TARGET_OPEN_FILES, f"The target used {share:.0%} of the open files that it may have.")
    return None


def check_held_up(facts: LevelFacts) -> Finding | None:
    """The harness ran all the time, and read its meters when the window began and ended."""
    held_up_s = facts.around.held_up_s
    if held_up_s <= HELD_UP_S:
        return None
    return invalid(
        Code.HELD_UP, f"The harness was held up for {held_up_s:.1f} s: it was stopped, or the machine slept."
    )


def check_ports(facts: LevelFacts) -> Finding | None:
    """The machine had local ports to spare."""
    share = facts.around.ports_share
    return above(share, PORTS_SHARE, Code.PORTS, "{:.0%} of the machine's local ports were in use.")


def check_steal(facts: LevelFacts) -> Finding | None:
    """The hypervisor left the cores to this machine."""
    share = facts.around.steal_share
    return above(share, STEAL_SHARE, Code.STEAL, "The hypervisor gave {:.1%} of a core's time to others.")


def check_foreign(facts: LevelFacts) -> Finding | None:
    """No other processes used the machine."""
    share = facts.around.foreign_share
    if share is None or share <= FOREIGN_SHARE:
        return None
    return invalid(
        Code.FOREIGN_LOAD, f"Other processes used {share:.0%} of a core, most of all {facts.around.foreign_name}."
    )


def check_unexplained_load(facts: LevelFacts) -> Finding | None:
    """No core that is used was busy with what this system does not show, such as another container."""
    found = facts.around.unexplained
    if found is None or found.share <= UNEXPLAINED_SHARE:
        return None
    cores = f"core{'s' if len(found.cores) > 1 else ''} {', '.join(map(str, found.cores))}"
    return invalid(
        Code.UNEXPLAINED_LOAD,
        f"On {cores}, {found.share:.0%} of a core was used by something that is not the benchmark.",
    )


def check_pinned(facts: LevelFacts) -> Finding | None:
    """The target had a core to itself."""
    why = facts.around.not_pinned
    return None if why is None else note(Code.NOT_PINNED, why)


def check_strayed(facts: LevelFacts) -> Finding | None:
    """The target stayed on its cores: a control group's cpuset that changes, or a core that goes offline, moves it."""
    name = facts.around.strayed
    if name is None:
        return None
    return invalid(Code.STRAYED, f"{name} of the target was moved off the target's cores, and may have shared one.")


def check_core_kinds(facts: LevelFacts) -> Finding | None:
    """Where cores are of several kinds, the target, the generator and the external API were on the fastest. A note."""
    why = facts.around.slower_cores
    return None if why is None else note(Code.SLOWER_CORES, why)


def check_cores_known(facts: LevelFacts) -> Finding | None:
    """How busy each core was is known. A note: checks that need it could not look."""
    cores = facts.around.unknown_cores
    if not cores:
        return None
    named = f"core{'s' if len(cores) > 1 else ''} {', '.join(map(str, cores))}"
    return note(
        Code.UNKNOWN_CORES,
        f"How busy {named} {'were' if len(cores) > 1 else 'was'} is not known: the system does not tell.",
    )


def check_throttled(facts: LevelFacts) -> Finding | None:
    """No control group of our processes had used up its CPU quota."""
    if not facts.around.throttled:
        return None
    return invalid(
        Code.THROTTLED,
        f"A control group's CPU quota stopped the benchmark's processes in {facts.around.throttled} periods.",
    )


def check_memory(facts: LevelFacts) -> Finding | None:
    """No process of our control groups was killed for want of memory."""
    if not facts.around.oom_kills:
        return None
    return invalid(
        Code.MEMORY, f"{facts.around.oom_kills} processes of our control groups were killed for their memory."
    )


def check_pids(facts: LevelFacts) -> Finding | None:
    """No control group of our processes had as many processes and threads as it may have."""
    if not facts.around.forks_refused:
        return None
    return invalid(
        Code.PIDS, f"{facts.around.forks_refused} processes or threads were one too many for a control group."
    )


def check_network(facts: LevelFacts) -> Finding | None:
    """TCP segments arrived: the timer of one that is sent again reads as the server's latency.

    A full listen queue loses them on purpose. It has a finding of its own.
    """
    count, around = facts.around.retransmitted, facts.around
    if not count or around.target_drops or around.api_drops or count <= RETRANSMITTED_SHARE * len(facts.rows.window):
        return None
    return invalid(Code.NETWORK, f"{count} TCP segments were lost and sent again on this machine.")


def check_pace(facts: LevelFacts) -> Finding | None:
    """The target's core was as fast as in the rest of the run, as far as its speed is steady at all. A note."""
    if facts.pace is None:
        return None
    usual_s, allowed = facts.pace.usual_s, max(PACE_SHARE, unrest(facts.pace.of_run_s))
    for when, took_s in (("before", facts.pace.before_s), ("after", facts.pace.after_s)):
        off = took_s / usual_s - 1
        if abs(off) > allowed:
            word = "slower" if off > 0 else "faster"
            return note(
                Code.PACE, f"A fixed CPU loop {when} the level was {abs(off):.0%} {word} than in the run's median."
            )
    return None
