"""Two states of made-up results, measured at different times: what was changed in between is written in the test."""

from collections.abc import Mapping, Sequence

import msgspec

from stackmatrix.results.model import Result
from tests import made_up

STACKS = ("uwsgi_2_threads", "gunicorn_100_threads", "gunicorn_gevent", "uvicorn")
LATER = "2026-12-01T10:00:00+00:00"


def before(**changed: object) -> list[Result]:
    """The earlier state."""
    return make("before", 1, **changed)


def after(speed: float = 1.3, costs: Mapping[str, float] | None = None, **changed: object) -> list[Result]:
    """The later one, on a machine that was ``speed`` times as slow, with stacks that cost so many times as much."""
    made = make("after", 2, **changed)
    return [started(slower(one, speed * (costs or {}).get(one.cell.stack, 1.0))) for one in made]


def make(run: str, seed: int, **changed: object) -> list[Result]:
    given: dict[str, object] = {
        "stacks": STACKS,
        "pythons": ("3.13",),
        "workloads": ("fanout",),
        "blocks": 5,
        "ramps": 0,
    }
    return made_up.make_results(run=run, seed=seed, **{**given, **changed})  # type: ignore[arg-type]


def slower(result: Result, times: float) -> Result:
    """Each cost block at so many times the cost; what is burnt in the planted control takes longer, too."""
    cost = tuple(
        msgspec.structs.replace(
            block,
            cpu_ms_per_request=times * (block.cpu_ms_per_request or 0.0),
            planted_ms=None if block.planted_ms is None else times * block.planted_ms,
        )
        for block in result.cost
    )
    return msgspec.structs.replace(result, cost=cost)


def started(result: Result, at: str = LATER) -> Result:
    return msgspec.structs.replace(result, runs=tuple(msgspec.structs.replace(run, started=at) for run in result.runs))


def with_packages(results: Sequence[Result], stack: str, **versions: str) -> list[Result]:
    """The results with other packages under one stack."""
    return [_with_packages(one, versions) if one.cell.stack == stack else one for one in results]


def _with_packages(result: Result, versions: Mapping[str, str]) -> Result:
    assert result.conditions is not None
    environment = result.conditions.environment
    changed = msgspec.structs.replace(
        environment, packages={**environment.packages, **versions}, lock_sha256=str(sorted(versions.items()))
    )
    return msgspec.structs.replace(result, conditions=msgspec.structs.replace(result.conditions, environment=changed))


def with_kernel(results: Sequence[Result], kernel: str) -> list[Result]:
    machine = msgspec.structs.replace(made_up.MACHINE, kernel=kernel)
    return [
        msgspec.structs.replace(one, conditions=msgspec.structs.replace(one.conditions, machine=machine))
        for one in results
        if one.conditions is not None
    ]
