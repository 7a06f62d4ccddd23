"""The one way to try again: once more where something else than the target decided, and a note that says so."""

from collections.abc import Callable, Sequence

from stackmatrix.analysis.level.assess import validity_of
from stackmatrix.errors import TrialError
from stackmatrix.results.findings import Code, Finding, note

ATTEMPTS = 2


def until_valid[T](
    attempt: Callable[[int], T], findings_of: Callable[[T], Sequence[Finding]]
) -> tuple[T, tuple[Finding, ...]]:
    """What an attempt gave, made again while it is invalid; after a second one, with a note on why it was made.

    ``attempt`` is given its number, from 1 on.
    """
    notes: tuple[Finding, ...] = ()
    for number in range(1, ATTEMPTS + 1):
        outcome = attempt(number)
        found = findings_of(outcome)
        if validity_of(tuple(found)) == "valid" or number == ATTEMPTS:
            break
        why = " ".join(finding.sentence for finding in found if finding.severity == "invalid")
        notes = (note(Code.SECOND_ATTEMPT, f"Attempt {number + 1}; the one before: {why}"),)
    return outcome, notes


def until_done[T](attempt: Callable[[], T], show: Callable[[str], None]) -> T:
    """What an attempt gave, made again where it failed.

    Raises:
        TrialError: when the last one failed.

    """
    for number in range(1, ATTEMPTS):
        try:
            return attempt()
        except TrialError as error:
            show(f"attempt {number} failed: {error}")
    return attempt()
