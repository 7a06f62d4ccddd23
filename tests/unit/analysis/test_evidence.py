"""Pages begin with the machine that decides the most, or with the one that is named."""

from stackmatrix.analysis.evidence import published, strongest_first, weigh
from stackmatrix.analysis.summary import MachineSummary, summarize
from tests.made_up import make_results

SHARED = ("fanout_shared_client",)


def machine(name: str, blocks: int, *, found: bool = True, ramps: int = 0) -> MachineSummary:
    cells = (("gunicorn_100_threads", "uvicorn"), ("3.13",), SHARED)
    return summarize(name, make_results(*cells, blocks=blocks, ramps=ramps, found=found))


def test_what_is_decided_comes_before_what_was_only_measured_and_equals_stand_by_name() -> None:
    seen, ramped = machine("a-seen", 2), machine("a-ramped", 2, ramps=1)
    decided, void = machine("z-decided", 5), machine("b-void", 5, found=False)
    again = machine("y-decided", 5)
    ordered = [one.machine.name for one in strongest_first([seen, void, decided, ramped, again])]
    assert ordered[:3] == ["y-decided", "z-decided", "a-ramped"]
    assert set(ordered[3:]) == {"a-seen", "b-void"}
    assert (weigh(void).decided, weigh(void).compared) == (0, 0)
    assert weigh(decided).decided == 1
    assert weigh(ramped).ramped == 2


def test_the_published_machine_is_the_one_that_is_named_where_it_is_there() -> None:
    machines = [machine("a", 5), machine("b", 2)]
    names = [found.name if (found := published(machines, named)) else None for named in (None, "b", "gone")]
    assert names == ["a", "b", "a"]
    assert published([]) is None
