"""Instructions per request: from what was counted to what the result file says, and what differs for sure. Pure."""

from collections.abc import Sequence

from stackmatrix.analysis.callgrind import Costs, by_object
from stackmatrix.analysis.comparison.inference import mean_of
from stackmatrix.results.instructions import InstructionCount, InstructionShare

HEAVIEST = 12
"""Functions that are kept: on the stacks of the table they make half of the cost and more."""


def summarise(in_flight: int, requests: int, repeats: Sequence[Costs]) -> InstructionCount:
    """Instructions per request over the repeats, each of which counted ``requests`` requests.

    Raises:
        ValueError: when there is no repeat.

    """
    each = tuple(costs.total() / requests for costs in repeats)
    mean = mean_of(each)
    total = sum(repeats, Costs())
    per_request = 1 / (requests * len(repeats))
    parts = [
        InstructionShare(object=name, instructions=cost * per_request) for name, cost in by_object(total).most_common()
    ]
    functions = [
        InstructionShare(object=function.object, function=function.name, instructions=cost * per_request)
        for function, cost in total.most_common(HEAVIEST)
    ]
    known = any(part.object for part in parts)
    return InstructionCount(
        in_flight=in_flight,
        requests=requests,
        repeats=each,
        mean=mean.mean,
        low=mean.low,
        high=mean.high,
        objects=tuple(parts) if known else (),
        functions=tuple(functions) if known else (),
    )
