"""Once more where something else than the target decided, and never a third time."""

import pytest

from stackmatrix.errors import SupervisorError, TrialError
from stackmatrix.measurements.attempts import until_done, until_valid
from stackmatrix.results.findings import Code, Finding, invalid, note

LATE = invalid(Code.GENERATOR_LAG, "The generator was late.")
STOLEN = invalid(Code.STEAL, "The hypervisor gave a core to others.")
BY_THE_WAY = note(Code.PACE, "The core was slow.")


class Attempts:
    """Has, for each attempt in turn, what it finds."""

    def __init__(self, *found: tuple[Finding, ...]) -> None:
        self.found = found
        self.numbers: list[int] = []

    def make(self, number: int) -> str:
        self.numbers.append(number)
        return f"outcome {number}"

    def findings_of(self, outcome: str) -> tuple[Finding, ...]:
        return self.found[int(outcome.split()[1]) - 1]


def test_what_is_valid_is_made_once_and_nothing_is_noted() -> None:
    attempts = Attempts((BY_THE_WAY,), (LATE,))
    assert until_valid(attempts.make, attempts.findings_of) == ("outcome 1", ())
    assert attempts.numbers == [1]


def test_what_is_invalid_is_made_once_more_and_the_second_counts_with_a_note_on_the_first() -> None:
    attempts = Attempts((LATE, BY_THE_WAY, STOLEN), ())
    outcome, notes = until_valid(attempts.make, attempts.findings_of)
    assert (outcome, attempts.numbers) == ("outcome 2", [1, 2])
    (again,) = notes
    assert (again.code, again.severity) == ("second-attempt", "note")
    # A note is no reason for a second attempt.
    assert again.sentence == f"Attempt 2; the one before: {LATE.sentence} {STOLEN.sentence}"


def test_what_is_invalid_twice_stays_so_with_the_note_on_the_first_and_is_not_made_a_third_time() -> None:
    attempts = Attempts((LATE,), (STOLEN,), ())
    outcome, notes = until_valid(attempts.make, attempts.findings_of)
    assert (outcome, attempts.numbers) == ("outcome 2", [1, 2])
    assert [one.sentence for one in notes] == [f"Attempt 2; the one before: {LATE.sentence}"]


def test_what_fails_while_it_is_measured_is_not_made_again() -> None:
    made = []

    def fail(number: int) -> str:
        made.append(number)
        raise TrialError("The target is gone.")

    with pytest.raises(TrialError, match=r"^The target is gone\.$"):
        until_valid(fail, lambda _: ())
    assert made == [1]


class Failing:
    """Fails with these errors in turn, then is done."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_what_goes_well_is_done_once_and_shows_nothing() -> None:
    shown: list[str] = []
    attempt = Failing()
    assert until_done(attempt, shown.append) == "done"
    assert (attempt.made, shown) == (1, [])


def test_what_fails_once_is_done_again_and_the_failure_is_shown() -> None:
    shown: list[str] = []
    attempt = Failing(TrialError("it fell over"))
    assert until_done(attempt, shown.append) == "done"
    assert (attempt.made, shown) == (2, ["attempt 1 failed: it fell over"])


def test_what_fails_twice_has_failed_with_the_last_reason() -> None:
    shown: list[str] = []
    attempt = Failing(TrialError("first"), TrialError("second"))
    with pytest.raises(TrialError, match=r"^second$"):
        until_done(attempt, shown.append)
    assert (attempt.made, shown) == (2, ["attempt 1 failed: first"])


@pytest.mark.parametrize("error", [SupervisorError, KeyboardInterrupt])
def test_what_is_no_failure_of_the_attempt_is_not_tried_again(error: type[BaseException]) -> None:
    attempt = Failing(error("left running"))
    with pytest.raises(error):
        until_done(attempt, lambda _: None)
    assert attempt.made == 1
