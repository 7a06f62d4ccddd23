"""How long responses take when nothing else is asked for, of workloads whose delays do not say it."""

from statistics import median

from stackmatrix.analysis.exceptions import wrong_under_load
from stackmatrix.errors import TrialError
from stackmatrix.load.numbers import NUMBERS
from stackmatrix.testbed.testbed import Testbed
from stackmatrix.testbed.verification import ask_page

TIMES = 5
"""A page is asked for: the first requests of a page are slower, and the median leaves them out."""


def measure_unloaded(bed: Testbed, place: int = 0) -> dict[str, float]:
    """The median time of each page's responses in ms, by its name: one request at a time, of one of the targets.

    The testbed has to be verified, and nothing else to be under way. What it returns is for
    :meth:`~stackmatrix.matrix.workloads.Workload.with_measured`.

    Raises:
        TrialError: when a page is not answered, or not right.

    """
    target = bed.places[place]
    took_ms = {}
    for page in target.subject.workload.pages:
        first_number, times_ms = NUMBERS.take(TIMES), []
        for turn in range(TIMES):
            bed.tick()
            answer = ask_page(target.port, page, first_number + turn, turn=turn)
            if (why := page.expect.why_wrong(answer.status, answer.headers, answer.body)) is not None:
                raise TrialError(f"{page.name}: {wrong_under_load(why)}")
            times_ms.append(answer.took_ms)
        took_ms[page.name] = median(times_ms)
    return took_ms
