"""What is said of the results: whether they can be written and committed, and what they let a machine decide."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from stackmatrix import cli
from stackmatrix.commands import run
from stackmatrix.commands.examining import evidence, prospect
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import CommitError, CounterMissingError, ResultFileError, ResultsFolderError
from stackmatrix.matrix.profiles import MOST_BLOCKS
from stackmatrix.measurements.cost.kind import CostBlocks
from stackmatrix.measurements.counts import counters
from stackmatrix.results import store
from stackmatrix.results.model import Result
from stackmatrix.system import git
from stackmatrix.testbed import environments
from tests.made_up import make_results

type MakeCase = Callable[..., Case]

STACKS = ("gunicorn_100_threads", "uvicorn")


def made_here(case: Case, **changed: int) -> list[Result]:
    """Results of this machine as it is now."""
    results = make_results(STACKS, ("3.13",), workloads=("fanout",), machine=case.machine, **changed)  # type: ignore[arg-type]
    lock = environments.lock_sha256("tool")

    def here(one: Result) -> Result:
        assert one.conditions is not None
        conditions = msgspec.structs.replace(one.conditions, tool_lock_sha256=lock)
        return msgspec.structs.replace(one, conditions=conditions)

    return [here(one) for one in results]


def written(case: Case, results: list[Result]) -> Case:
    for one in results:
        store.write_result(case.folder, case.machine_name, one)
    return case


@pytest.fixture
def case(make_case: MakeCase) -> Case:
    cells = [
        one.cell for one in make_results(STACKS, ("3.13",), workloads=("fanout",), blocks=1) if not one.cell.control
    ]
    return make_case(tuple(cells))


def test_a_folder_that_can_be_made_is_fine_and_is_not_made(case: Case) -> None:
    assert evidence.results_folder(case).said == f"{case.folder}/m can be written; nothing of these cells is there yet."
    assert not case.folder.exists()


def test_a_folder_that_cannot_be_written_stops_a_run(case: Case, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("no folder")
    found = evidence.results_folder(case)
    assert found.exit_code == ResultsFolderError.exit_code
    assert f"The results folder {case.folder} cannot be written (Not a directory)" in found.said


def test_a_broken_file_of_a_chosen_cell_stops_a_run_before_anything_is_installed(case: Case) -> None:
    written(case, made_here(case))
    path = store.path_of(case.folder, "m", case.cells[0])
    path.write_bytes(b"{")
    found = evidence.results_folder(case)
    assert found.exit_code == ResultFileError.exit_code
    assert str(path.relative_to(case.folder)) in found.said


def test_blocks_that_a_run_may_add_to_are_counted(case: Case) -> None:
    assert "of these cells." in evidence.results_folder(written(case, made_here(case))).said


def test_the_checkout_is_told_as_results_will_have_it(make_case: MakeCase, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(commit: str | None) -> tuple[str, str]:
        monkeypatch.setattr(git, "git_commit", lambda: commit)
        found = evidence.checkout(make_case())
        return found.state, found.said

    assert said("ab" * 20) == ("fine", "Clean, at ababababab.")
    assert said(f"{'ab' * 20}-dirty") == ("fine", "Files differ from the commit ababababab: results will say so.")
    assert said(None)[0] == "unknown"


def test_what_is_to_be_committed_needs_a_repository(make_case: MakeCase) -> None:
    found = evidence.checkout(make_case(committed=True))
    assert found.exit_code == CommitError.exit_code
    assert "is in no git repository" in found.said


def test_a_counter_is_needed_only_where_instructions_are_counted(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = evidence.counter(make_case(kinds=("cost", "counts")))
    assert (found.exit_code, found.said) == (CounterMissingError.exit_code, counters.MISSING)
    assert evidence.counter(make_case()).state == "fine"


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not here")
def test_the_counter_that_is_here_is_named(make_case: MakeCase) -> None:
    assert evidence.counter(make_case(kinds=("counts",))).said.startswith("valgrind-")


def test_nothing_measured_is_nothing_known(case: Case) -> None:
    found = prospect.decides(case)
    assert (found.state, found.said) == ("unknown", "Not known yet: nothing was measured on this machine.")


def test_the_noise_of_the_last_blocks_says_what_more_of_them_decide(case: Case) -> None:
    found = prospect.decides(written(case, made_here(case, blocks=6)))
    assert found.state == "fine"
    assert found.said.startswith("fanout: 6 blocks decided differences of ")
    assert f"and {MOST_BLOCKS} would decide about " in found.said


def test_too_few_blocks_say_nothing_and_void_ones_say_why(case: Case) -> None:
    assert "fewer than 3 blocks" in prospect.decides(written(case, made_here(case, blocks=2))).said
    void = prospect.decides(written(case, made_here(case, blocks=16, found=False)))
    assert void.state == "note"
    assert "are void" in void.said


def test_results_under_other_conditions_are_named_by_what_has_changed(case: Case) -> None:
    others = make_results(STACKS, ("3.13",), workloads=("fanout",))
    found = prospect.decides(written(case, others))
    assert found.state == "unknown"
    assert "since its results were made, this has changed: the processor" in found.said


def test_how_long_it_takes_is_reckoned_by_the_kinds_themselves(case: Case) -> None:
    found = prospect.takes(case, [CostBlocks()])
    assert found.state == "fine"
    assert "until the first answer; it ends when all is decided, after 30 minutes at the latest." in found.said
    known = prospect.takes(written(case, made_here(case, blocks=6)), [CostBlocks()])
    assert known.said.endswith("by what earlier runs left open; then nothing is left to decide.")


def test_a_run_that_proves_the_wiring_has_one_turn(make_case: MakeCase) -> None:
    said = prospect.takes(make_case(profile="smoke", kinds=("cost",)), [CostBlocks()]).said
    assert re.fullmatch(r"About \d+ s\.", said)


@pytest.mark.parametrize(
    ("first_s", "later_s", "minutes", "said"),
    [
        (600.0, 0.0, 30.0, "About 10 min until the first answer; it ends when all is decided, after 30 minutes"),
        (600.0, 0.0, None, "after 16 blocks at the latest."),
        (3000.0, 0.0, 30.0, "the run ends after 30 minutes: not every comparison will have one."),
    ],
)
def test_a_run_that_is_too_short_for_its_cells_is_noted(
    first_s: float, later_s: float, minutes: float | None, said: str
) -> None:
    found = prospect.of_time(first_s, later_s, minutes, 16, is_known=False)
    assert said in found.said
    assert (found.state == "note") == (minutes is not None and first_s > 60 * minutes)


def test_kinds_that_a_run_makes_can_all_be_reckoned_with_nothing_installed(make_case: MakeCase) -> None:
    options = cli.make_parser("run").parse_args(["run"])
    case = make_case(kinds=("cost", "ramp", "stop", "ladder", "hold"))
    assert prospect.takes(case, run.make_kinds(options, case.profile)).state in {"fine", "note"}
