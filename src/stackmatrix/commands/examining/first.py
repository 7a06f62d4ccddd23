"""What a run does first: it says what there is to know before anybody waits, and stops where it could not go on."""

import argparse
import sys
from collections.abc import Sequence

from stackmatrix.commands.examining.case import Case
from stackmatrix.commands.examining.rows import examine, loud, to_say
from stackmatrix.errors import StackmatrixError
from stackmatrix.results.diagnosis import Diagnosis


def look_first(case: Case, options: argparse.Namespace, but: Sequence[str] = ()) -> None:
    """Say the notes on standard error, since the noxfile reads the other; ``but`` are titles that are left out.

    With nox's report on what it has installed the same command was asked before, for what that is: all was said then.

    Raises:
        StackmatrixError: where something stops the run, with the exit code that the run would have had.

    """
    if options.nox_report is not None:
        return
    found = examine(case, loud(but))
    for line in to_say(found):
        print(line, file=sys.stderr)
    stopping = [one for one in found.values() if one.state == "stops"]
    if stopping:
        raise error_of(stopping)


def error_of(stopping: Sequence[Diagnosis]) -> StackmatrixError:
    """The error of the first thing that stops a run; the others are said with it."""
    kinds = {kind.exit_code: kind for kind in StackmatrixError.__subclasses__()}
    kind = kinds.get(stopping[0].exit_code or StackmatrixError.exit_code, StackmatrixError)
    return kind(" ".join(one.sentence for one in stopping))
