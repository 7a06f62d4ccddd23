"""What this machine can decide, by the noise of its own results, and how long that takes.

It imports what takes long to import, and so only the doctor reads it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stackmatrix.analysis.comparison.judge import judge
from stackmatrix.analysis.comparison.racing import open_cells
from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.commands.examining.case import Case
from stackmatrix.errors import ResultFileError, StackmatrixError
from stackmatrix.matrix.cells import Cell, Installation, Subject, controls_of
from stackmatrix.matrix.profiles import LOOKS
from stackmatrix.matrix.wording import listed, plural
from stackmatrix.measurements.request import Provenance, Setup, Standing
from stackmatrix.report import words
from stackmatrix.report.live import duration
from stackmatrix.results import store
from stackmatrix.results.conditions import Conditions, machine_differences
from stackmatrix.results.diagnosis import Diagnosis, fine, note, unknown
from stackmatrix.results.model import Result
from stackmatrix.testbed.environments import lock_sha256

if TYPE_CHECKING:
    from stackmatrix.measurements.request import Kind

NOWHERE = Installation(Path("/nowhere"), "")
"""In place of an environment that is not there yet: how long a cell takes does not depend on it."""


@dataclass(frozen=True, slots=True)
class Known:
    """The results of this machine that a run would add to, and in what others differ from it."""

    results: tuple[Result, ...]
    differs: tuple[str, ...]
    families: tuple[Family, ...]


def known_of(case: Case) -> Known:
    """What was measured on this machine under the conditions of now, of the workloads that are chosen."""
    workloads = dict.fromkeys(cell.workload for cell in case.served)
    here: list[Result] = []
    differs: dict[str, None] = {}
    for workload in workloads:
        for path in sorted((case.folder / case.machine_name / workload).glob("*/*.json")):
            try:
                result = store.read_result(path, path.name)
            except ResultFileError:
                continue  # said elsewhere, where it is one of the chosen
            if result.conditions is None:
                continue
            now = Conditions(
                machine=case.machine,
                environment=result.conditions.environment,
                tool_lock_sha256=lock_sha256("tool"),
            )
            unlike = machine_differences(result.conditions, now)
            differs |= dict.fromkeys(unlike)
            here += [] if unlike else [result]
    return Known(tuple(here), tuple(differs), judge(here))


def decides(case: Case) -> Diagnosis:
    """The smallest difference that this machine decides, in how many blocks."""
    known = known_of(case)
    sentences = [one for family in known.families if (one := of_family(family, case.profile.blocks))]
    if sentences:
        return fine("\n".join(sentences))
    if void := next((family for family in known.families if family.void), None):
        return note(f"Its last runs of {void.workload} are void, and decide nothing: {void.void}")
    if known.results:
        return unknown(f"Not known yet: fewer than {LOOKS[0]} blocks of costs were measured here.")
    if known.differs:
        changed = listed([*known.differs], 2)
        return unknown(f"Not known as the machine is now: since its results were made, this has changed: {changed}.")
    return unknown("Not known yet: nothing was measured on this machine.")


def of_family(family: Family, planned: int) -> str | None:
    """What blocks of a workload decide, and what as many as are planned would; ``None`` where that is not known."""
    smallest = [one.smallest_decidable for one in family.compared if one.smallest_decidable is not None]
    if not family.metric.headline or family.void is not None or not smallest:
        return None
    metric, least, most = family.metric, min(smallest), max(smallest)
    # As it stands within a sentence: CPU keeps its letters.
    sizes = words.amount(metric, least)
    if words.amount(metric, most) != sizes:
        sizes = f"{sizes.removesuffix(' %')} to {words.amount(metric, most)}"
    said = f"{family.workload}: {plural(family.blocks, 'block')} decided differences of {sizes} in {metric.title}"
    if planned > family.blocks:  # intervals narrow with the root of the number of blocks
        later = words.amount(metric, least * math.sqrt(family.blocks / planned))
        said += f", and {planned} would decide about {later}"
    return f"{said}."


def takes(case: Case, kinds: "Sequence[Kind]") -> Diagnosis:
    """How long the run will probably take."""
    if not case.served:
        return unknown("Nothing is left to measure.")
    known = known_of(case)
    chosen = {one.cell: one for one in known.results if one.cell in {*case.served, *controls_of(case.served)}}
    try:
        first_s, later_s = seconds(case, kinds, chosen, known.families)
    except StackmatrixError:
        return unknown("Not known: see what stops it.")
    if not case.profile.compares:  # it has one turn, whatever comes of it
        return fine(f"About {duration(first_s)}.")
    return of_time(first_s, later_s, case.request.minutes, case.profile.blocks, is_known=bool(known.families))


def of_time(first_s: float, later_s: float, minutes: float | None, blocks: int, *, is_known: bool) -> Diagnosis:
    """``first_s`` until anything is judged, and ``later_s`` after it, as far as that is known."""
    if minutes is not None and first_s > 60 * minutes:
        return note(
            f"Until the first answer it takes about {duration(first_s)}, and the run ends after {minutes:g} minutes: "
            "not every comparison will have one.",
            "Choose fewer cells, or more --minutes; a later run goes on where this one ends.",
        )
    if is_known:
        total = duration(first_s + later_s)
        if minutes is not None and first_s + later_s > 60 * minutes:
            return fine(f"{minutes:g} minutes; all is probably decided after {total}, which later runs may add.")
        return fine(f"About {total}, by what earlier runs left open; then nothing is left to decide.")
    until = f"{minutes:g} minutes" if minutes is not None else plural(blocks, "block")
    return fine(
        f"About {duration(first_s)} until the first answer; it ends when all is decided, after {until} at the latest."
    )


def seconds(
    case: Case, kinds: "Sequence[Kind]", results: Mapping[Cell, Result], families: Sequence[Family]
) -> tuple[float, float]:
    """How long the steps of the first turn take, and those that come later, as the kinds themselves reckon it.

    Raises:
        StackmatrixError: for what stops a kind before it begins.

    """
    setup = setup_of(case, kinds)
    own = tuple(family for family in families if family.workload in {cell.workload for cell in case.served})
    standing = Standing(dict(results), own, frozenset(open_cells(own)), {})
    first_s = later_s = 0.0
    for kind in kinds:
        kind.begin(setup)
        first_s += sum(step.estimate_s for step in kind.steps(0, standing) if not step.is_spare)
        later_s += kind.later_s(standing)
    return first_s, later_s


def setup_of(case: Case, kinds: "Sequence[Kind]") -> Setup:
    """What a run would give to its kinds, as if everything were installed; controls stand beside costs only."""
    has_cost = any(kind.name == "cost" for kind in kinds)
    cells = (*case.served, *(controls_of(case.served) if has_cost else ()))

    def subject(cell: Cell) -> Subject:
        own = case.request.catalogue.of(cell)
        return Subject(cell, own.stacks[cell.stack], own.workloads[cell.workload], own.app, NOWHERE)

    subjects = {cell: subject(cell) for cell in cells}
    return Setup(case.request, case.profile, Provenance.ask(), subjects, case.layout, case.machine, case.machine_name)
