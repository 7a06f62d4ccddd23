"""What a run can choose from: an application, the stacks that can serve it, and its workloads.

Names are looked up here, where cells are made and resolved, and nowhere deeper: so a user's own application, or a stack
of its own, takes part like those of the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stackmatrix.matrix.app import BUILT_IN, App
from stackmatrix.matrix.cells import Cell, Installation, Missing
from stackmatrix.matrix.pythons import Runtime
from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.workloads import WORKLOADS, Workload


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One application with its stacks and workloads, by name.

    ``installed`` are environments that the harness itself has made, by the stack that names the environment and the
    place on the axis of Pythons, and ``missing`` says why others could not be. Of a comparison each of the ``sides``
    may have an application of its own.
    """

    app: App
    stacks: Mapping[str, Stack]
    workloads: Mapping[str, Workload]
    installed: Mapping[tuple[str, str], Installation] = field(default_factory=dict)
    missing: Mapping[tuple[str, str], Missing] = field(default_factory=dict)
    sides: "Mapping[str, Catalogue]" = field(default_factory=dict)

    def of(self, cell: Cell) -> "Catalogue":
        """What a cell is chosen from: its side's, or this one."""
        return self.sides.get(Runtime.of(cell.python).side, self)


BUILT_IN_CATALOGUE = Catalogue(BUILT_IN, STACKS, WORKLOADS)
"""The built-in site."""
