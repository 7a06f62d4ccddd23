"""One rule for what stays of a cell's file, whoever writes."""

import msgspec
import pytest

from stackmatrix.results.instructions import Instructions
from stackmatrix.results.keeping import has_figures, put
from stackmatrix.results.model import Environment, Result, Status
from stackmatrix.results.trials import Trial

replace = msgspec.structs.replace


@pytest.fixture
def whole(result: Result) -> Result:
    """Trials of a run that compares, and counts, all of the same packages and Python."""
    assert result.environment is not None
    served = result.environment
    counted = Instructions(
        counter="valgrind-3", started="", duration_s=1, git_commit=None, python=served.python,
        lock_sha256=served.lock_sha256, counts=(),
    )  # fmt: skip
    return replace(result, instructions=counted)


def with_lock(environment: Environment | None, lock: str) -> Environment:
    assert environment is not None
    return replace(environment, lock_sha256=lock)


def alone(whole: Result, environment: Environment | None) -> Result:
    """The counts of a cell as they are made apart from its trials."""
    assert whole.instructions is not None
    assert environment is not None
    counted = replace(whole.instructions, lock_sha256=environment.lock_sha256, python=environment.python, started="now")
    return replace(whole, run=None, trials=(), environment=environment, instructions=counted)


def test_what_is_of_the_same_packages_and_python_stays_whoever_writes(whole: Result) -> None:
    trials_anew = replace(whole, instructions=None)
    assert put(whole, trials_anew) == whole
    counts_anew = alone(whole, whole.environment)
    assert put(whole, counts_anew) == replace(whole, instructions=counts_anew.instructions)


@pytest.mark.parametrize("change", ["lock", "python"])
def test_what_is_of_other_packages_or_another_python_goes_whoever_writes(whole: Result, change: str) -> None:
    other = with_lock(whole.environment, "other")
    if change == "python":
        assert whole.environment is not None
        other = replace(whole.environment, python=replace(whole.environment.python, version="3.13.9"))
    after_trials = put(whole, replace(whole, environment=other, instructions=None))
    assert (after_trials.instructions, after_trials.trials) == (None, whole.trials)
    after_counts = put(whole, alone(whole, other))
    assert (after_counts.run, after_counts.trials, after_counts.environment) == (None, (), other)


def test_a_run_that_fails_replaces_no_figures(whole: Result) -> None:
    nothing = tuple(replace(trial, levels=(), failure="It did not start.") for trial in whole.trials)
    failed = replace(whole, trials=nothing, status=Status(state="failed", reason="It did not start."))
    assert has_figures(whole)
    assert put(whole, failed) == whole
    assert put(None, failed) == failed
    assert put(replace(whole, trials=()), failed).status == failed.status


def test_a_smoke_run_replaces_no_figures_but_those_of_another(whole: Result) -> None:
    assert whole.run is not None
    smoke = replace(whole, run=replace(whole.run, profile="smoke"))
    assert put(whole, smoke) == whole
    assert put(smoke, whole) == whole
    later = replace(smoke, trials=(replace(smoke.trials[0], block=1),))
    assert put(smoke, later).trials == later.trials


def test_counts_that_failed_replace_no_counts(whole: Result) -> None:
    assert whole.instructions is not None
    counted = replace(whole, instructions=_counted(whole.instructions))
    failed = alone(whole, whole.environment)
    assert put(counted, failed) == counted
    assert put(whole, failed).instructions == failed.instructions


def _counted(instructions: Instructions) -> Instructions:
    data = msgspec.to_builtins(instructions)
    count = {"in_flight": 1, "requests": 10, "repeats": [1.0], "mean": 1.0, "low": None, "high": None}
    return msgspec.convert({**data, "counts": [count]}, Instructions)


def test_what_nobody_knows_the_environment_of_stays(whole: Result) -> None:
    unknown = replace(alone(whole, whole.environment), environment=None)
    assert put(whole, unknown).trials == whole.trials
    assert isinstance(whole.trials[0], Trial)
