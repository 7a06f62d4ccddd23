"""How charts tell stacks apart."""

from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report import charts


def test_no_two_of_many_stacks_look_alike() -> None:
    names = [*STACKS, *(f"stack_{number}" for number in range(60))]
    colours, shapes = (scale.to_dict() for scale in charts.scales(names))
    looks = list(zip(colours["range"], shapes["range"], strict=True))
    assert len(set(looks)) == len(names)
    assert len({colour for colour, _ in looks[:10]}) == 10


def test_a_stack_looks_the_same_whatever_else_was_measured() -> None:
    every, last = list(STACKS), list(STACKS)[-1]
    for one, whole in zip(charts.scales([last]), charts.scales(every), strict=True):
        assert one.to_dict()["range"] == [whole.to_dict()["range"][-1]]
