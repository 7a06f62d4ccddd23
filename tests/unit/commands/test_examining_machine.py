"""What is said of the machine, from readings as systems give them."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from stackmatrix.commands.examining import machine
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import MachineLimitError
from stackmatrix.results.conditions import Machine
from stackmatrix.system import cgroup, ports
from stackmatrix.system.clock import Clock
from stackmatrix.system.cores import Layout, layout_for
from stackmatrix.system.watch import Watched

type MakeCase = Callable[..., Case]

HERE = Machine(
    cpu_model="A processor", cores=8, memory_bytes=2**34, kernel="Linux 6", os="An OS", governor="performance",
    virtualised=False, pinning=None,
)  # fmt: skip
QUIET = Watched(1.0, busy_share=0.02, steal_share=0.0, foreign_share=0.01, foreign_name="init (process 1)", jump_s=0.0)
EIGHT = layout_for({core: frozenset({core}) for core in range(8)})


def test_each_role_has_its_cores_and_what_shares_one_is_told() -> None:
    found = machine.of_layout(EIGHT)
    assert found.state == "fine"
    assert found.said.startswith("By number: target 7; ")
    two = machine.of_layout(layout_for({0: frozenset({0}), 1: frozenset({1})}))
    assert (two.state, two.said) == (
        "note",
        "By number: target 1; external api 0; generator 0; harness 0. Generator and external API share a core.",
    )


@pytest.mark.parametrize("layout", [Layout(), Layout(shared=(0,))])
def test_where_the_target_has_no_core_of_its_own_it_is_said_what_not_to_trust(layout: Layout) -> None:
    found = machine.of_layout(layout)
    assert found.state == "note"
    assert "no latency" in found.sentence


def test_a_clock_that_moves_with_the_load_is_noted_and_what_is_unknown_is_called_so() -> None:
    assert machine.of_machine(HERE).state == "fine"
    moving = machine.of_machine(msgspec.structs.replace(HERE, governor="powersave"))
    assert moving.state == "note"
    assert "frequency governor: powersave. Its speed moves with the load." in moving.said
    assert "cpupower" in (moving.remedy or "")
    silent = machine.of_machine(msgspec.structs.replace(HERE, governor=None, virtualised=None))
    assert silent.state == "fine"
    assert "virtual or not: unknown; frequency governor: unknown." in silent.said


def test_a_quota_below_the_cores_stops_a_run_with_the_sentence_of_the_run(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "quota_cores", lambda _: 0.5)
    found = machine.quota(make_case())
    assert (found.state, found.exit_code) == ("stops", MachineLimitError.exit_code)
    assert found.said == cgroup.why_limited()
    monkeypatch.setattr(cgroup, "quota_cores", lambda _: None)
    assert machine.quota(make_case()).state in {"fine", "unknown"}
    monkeypatch.setattr(cgroup, "groups_of", lambda _: frozenset())
    assert machine.quota(make_case()).state == "unknown"


def test_a_quiet_machine_is_fine_and_the_busiest_program_is_named() -> None:
    assert machine.of_watched(QUIET).said == "Other processes use 1% of a core."
    busy = machine.of_watched(replace(QUIET, busy_share=0.9, foreign_share=0.85, foreign_name="make (process 7)"))
    assert busy.state == "note"
    assert "85% of a core, most of all make (process 7)" in busy.said


def test_what_the_hypervisor_takes_and_what_no_process_accounts_for_are_noted() -> None:
    stolen = machine.of_watched(replace(QUIET, steal_share=0.2))
    assert stolen.state == "note"
    assert "gave 20% of a core to others" in stolen.said
    hidden = machine.of_watched(replace(QUIET, busy_share=0.6))
    assert hidden.state == "note"
    assert "59% of a core that no process here accounts for" in hidden.said


def test_what_a_system_does_not_tell_of_others_is_unknown() -> None:
    silent = replace(QUIET, foreign_share=None, foreign_name=None, steal_share=None)
    assert machine.of_watched(silent).state == "unknown"
    assert machine.of_watched(replace(silent, busy_share=None)).state == "unknown"
    assert machine.of_watched(replace(silent, busy_share=0.7)).state == "note"


def test_a_run_that_is_no_evidence_does_not_wait_for_a_quiet_machine(make_case: MakeCase) -> None:
    case = make_case(profile="smoke")
    assert case.watched is None
    assert machine.load(case).state == "fine"


@pytest.mark.parametrize(
    ("found", "jump_s", "state", "said"),
    [
        (Clock("tsc", is_synchronised=True), 0.0, "fine", "Its source is tsc. It is synchronised."),
        (Clock("tsc", is_synchronised=False), 0.0, "fine", "dates may be wrong"),
        (Clock("tsc", is_synchronised=None), 0.0, "fine", "Synchronised or not: unknown."),
        (Clock("tsc", is_synchronised=True), -3600.0, "note", "was set by -3600000 ms"),
        (Clock("hpet", is_synchronised=True), 0.0, "note", "is hpet"),
        (Clock(None, is_synchronised=None), 0.0, "unknown", "tells no more"),
    ],
)
def test_a_clock_that_is_set_or_slow_to_read_is_noted(found: Clock, jump_s: float, state: str, said: str) -> None:
    diagnosis = machine.of_clock(found, jump_s)
    assert diagnosis.state == state
    assert said in diagnosis.said


def test_a_short_listen_queue_is_noted(make_case: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "read", lambda _: "128")
    assert machine.listen_queue(make_case()).said.startswith("This system allows a listen queue of 128 connections")
    monkeypatch.setattr(ports, "read", lambda _: "4096")
    assert machine.listen_queue(make_case()).state == "fine"
