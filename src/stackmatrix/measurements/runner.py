"""The one runner: an anytime job, which knows after every block how the answer stands, and stops when it is decided.

Missing environments, files that can be written, provenance, the order of the steps, writing after each, judging, the
end of the time, Ctrl-C and the list of failures are its own; what a step is, and what came of it, is the kind's.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stackmatrix.analysis.comparison.judge import judge
from stackmatrix.analysis.comparison.racing import open_cells
from stackmatrix.analysis.comparison.verdicts import Family
from stackmatrix.errors import CellsFailedError, DisturbedError, PythonMissingError, SupervisorError, TrialError
from stackmatrix.matrix.cells import Cell, Missing, controls_of
from stackmatrix.matrix.profiles import TURNS_A_RAMP, Profile
from stackmatrix.matrix.pythons import Runtime, python_key
from stackmatrix.matrix.wording import by_reason, in_short, named, places, plural
from stackmatrix.measurements.attempts import ATTEMPTS
from stackmatrix.measurements.cost.batches import most_together
from stackmatrix.measurements.evidence import Evidence, in_words
from stackmatrix.measurements.progress import View
from stackmatrix.measurements.request import Kind, Outcome, Provenance, Request, Setup, Standing, Step, prepare
from stackmatrix.results import store, writing
from stackmatrix.results.conditions import Machine
from stackmatrix.results.model import Result, Status
from stackmatrix.system import headroom, interrupts, limits, private_folders, processes, runs
from stackmatrix.system.cores import Layout
from stackmatrix.system.limits import Needs
from stackmatrix.testbed import environments

LATE_TURNS = 3
"""Ramps may begin a turn later; after them come those of one ramp more, and what needs to know what was held."""


@dataclass
class Runner:
    """Runs some kinds of measurement together. All that the user has to mend is found before the first step."""

    request: Request
    profile: Profile
    kinds: Sequence[Kind]
    view: View
    clock_s: Callable[[], float] = time.monotonic
    families: tuple[Family, ...] = ()
    """How everything stands, judged after every step."""
    machine_name: str = ""
    stopped: str | None = None
    """Why the run ended before everything was decided or done; ``None`` where it was."""
    _evidence: Evidence | None = None
    _unmeasured: dict[Cell, str] = field(default_factory=dict)
    _failed: Counter[Cell] = field(default_factory=Counter)
    _began_s: float = 0.0

    def run(self) -> None:
        """Perform every step until all is decided, or the time is over.

        Raises:
            StackmatrixError: for what the user must mend, before anything is measured.
            KeyboardInterrupt: after everything is stopped; what was measured until then is written.

        """
        request = self.request
        private_folders.sweep()
        store.need_writable(request.folder)
        limits.need_room()
        provenance = Provenance.ask()
        layout, machine, self.machine_name = prepare(request)
        store.need_same_machine(request.folder, self.machine_name, machine)
        # What writes no files of cells has its folder to itself.
        with runs.alone_in(request.folder / self.machine_name if request.cells else request.folder):
            writing.settle(request.folder, self.machine_name, processes.is_running)
            self._run(provenance, layout, machine)

    def _run(self, provenance: Provenance, layout: Layout, machine: Machine) -> None:
        request = self.request
        missing = environments.find_missing(request.cells, request.nox_report, request.catalogue)
        self._mind_missing(missing)
        cells = [cell for cell in request.cells if cell not in missing]
        found = environments.resolve([*cells, *controls_of(cells)], request.catalogue)
        there = {subject.cell: subject for subject in found}
        # Controls stand beside cells in cost blocks only; what earlier ones proved counts whatever is measured.
        has_cost = any(kind.name == "cost" for kind in self.kinds)
        subjects = {cell: subject for cell, subject in there.items() if has_cost or cell.control is None}
        if subjects:
            together = most_together(min(machine.memory_bytes, headroom.memory().total)) if has_cost else 1
            limits.need_room(Needs.of(subjects.values(), together))
        setup = Setup(request, self.profile, provenance, subjects, layout, machine, self.machine_name)
        calibration = store.calibration_id(request.folder, self.machine_name)
        run = setup.run([kind.name for kind in self.kinds], calibration)
        lock = provenance.tool_lock_sha256
        self._evidence = Evidence(request.folder, self.machine_name, machine, lock, run)
        replaced = [one for one in self._evidence.open(there) if one.cell in subjects]
        for kind in self.kinds:
            kind.begin(setup)
        replaced += self._evidence.open({one.cell: one for kind in self.kinds for one in kind.beside()})
        with self.view:
            for limit in (*limits.noted(layout), *filter(None, [runs.why_disturbed()])):
                self.view.say(limit)
            self._note_missing(missing)
            for said in in_words(replaced):
                self.view.say(f"{said} They are replaced by the first block of this run.")
            if known := sum(len(result.blocks) for result in self._evidence.results.values()):
                self.view.say(f"Adding to {plural(known, 'earlier block')}, made under the same conditions.")
            self._measure()

    def _measure(self) -> None:
        self._began_s = self.clock_s()
        self._judge()
        # A kind may have nothing to do in a turn and something in a later one, but not after this many.
        last = TURNS_A_RAMP * self.profile.ramps + LATE_TURNS
        turn = 0
        while (steps := self._steps(turn)) or turn <= last:
            for place, (kind, step) in enumerate(steps):
                if not kind.is_needed(step, self._standing):
                    continue
                if self._is_over(step):
                    self.stopped = f"The {self.request.minutes:g} minutes are over."
                    return
                self._perform(kind, step, [each for _, each in steps[place + 1 :] if not each.is_spare])
            turn += 1

    def _steps(self, turn: int) -> list[tuple[Kind, Step]]:
        """What a turn has, workload by workload: whoever ends a run early has all of the first one."""
        steps = [(kind, step) for kind in self.kinds for step in kind.steps(turn, self._standing)]
        order = [*dict.fromkeys(cell.workload for cell in self.request.cells)]
        return sorted(steps, key=lambda one: order.index(one[1].cells[0].workload) if one[1].cells else 0)

    def _is_over(self, step: Step) -> bool:
        """Whether a step would end after the time is over."""
        if self.request.minutes is None:
            return False
        return self.clock_s() - self._began_s + step.estimate_s > 60 * self.request.minutes

    def _perform(self, kind: Kind, step: Step, after: Sequence[Step]) -> None:
        self.view.begin(step.label, self._left_s([step, *after]))
        before = limits.read_events()
        try:
            outcome = self._attempt(kind, step)
        except (TrialError, SupervisorError) as error:  # the latter: a target that had to be killed, for one
            outcome = Outcome(f"failed: {error}", failures=dict.fromkeys(step.cells, str(error)))
        if outcome.failures and (why := limits.what_stopped_us(before)):
            failures = {cell: f"{reason.rstrip('.')}. {why}" for cell, reason in outcome.failures.items()}
            outcome = replace(outcome, words=f"{outcome.words.rstrip('.')}. {why}", failures=failures)
        with interrupts.held():  # a block is written to the files of all its cells, or to none
            self._record(outcome)
        self._judge()
        elapsed_s = self.clock_s() - self._began_s
        self.view.end(step.label, outcome.words, self.families, elapsed_s, self._left_s(after))

    def _attempt(self, kind: Kind, step: Step) -> Outcome:
        """Do a step; once more where it was broken off by what nothing that is measured has done."""
        for number in range(1, ATTEMPTS):
            try:
                return kind.perform(step, self.view.show)
            except DisturbedError as error:
                self.view.say(f"{step.label}, attempt {number}: {error}")
        return kind.perform(step, self.view.show)

    def _left_s(self, steps: Sequence[Step]) -> float:
        """How long the steps that are left probably take, those of later turns among them."""
        later_s = sum(kind.later_s(self._standing) for kind in self.kinds)
        left_s = sum(step.estimate_s for step in steps) + later_s
        if self.request.minutes is None:
            return left_s
        return max(0.0, min(left_s, 60 * self.request.minutes - (self.clock_s() - self._began_s)))

    def _record(self, outcome: Outcome) -> None:
        evidence, changed = self.evidence, dict[Cell, str]()
        for cell, block in outcome.blocks.items():
            differs = evidence.add(
                cell,
                block,
                outcome.environments[cell],
                cost_rate=outcome.cost_rate,
                loop_ms=outcome.loops_ms.get(cell),
            )
            if differs:
                changed[cell] = f"{', '.join(differs)} changed, so earlier blocks are replaced"
        for said in named(changed):
            self.view.say(f"{said}.")
        for cell, reason in outcome.failures.items():
            self._failed[cell] += 1
            self._unmeasured[cell] = reason
            evidence.fail(cell, Status(state="failed", reason=reason))
        evidence.write()

    def _judge(self) -> None:
        self.families = judge(
            tuple(self.evidence.results.values()),
            ended=False,
            pairs=self.request.pairs,
            threshold=self.request.threshold,
        )

    @property
    def _standing(self) -> Standing:
        return Standing(
            dict(self.evidence.results), self.families, frozenset(open_cells(self.families)), dict(self._failed)
        )

    @property
    def evidence(self) -> Evidence:
        assert self._evidence is not None, "nothing was begun"
        return self._evidence

    @property
    def results(self) -> tuple[Result, ...]:
        """What is known of every cell of the run, earlier runs' blocks among it."""
        return tuple(self._evidence.results.values()) if self._evidence is not None else ()

    @property
    def written(self) -> tuple[Path, ...]:
        """The files that this run wrote."""
        return tuple(self._evidence.written.values()) if self._evidence is not None else ()

    @property
    def unmeasured(self) -> Mapping[Cell, str]:
        """Why cells could not be measured in every block."""
        return dict(self._unmeasured)

    def need_all(self) -> None:
        """Say which cells failed.

        Raises:
            CellsFailedError: when any did.

        """
        if self._unmeasured:
            lacking = plural(len(self._unmeasured), "cell")
            raise CellsFailedError(f"{lacking} could not be measured in every block ({in_short(self._unmeasured)}).")

    def _note_missing(self, missing: Mapping[Cell, Missing]) -> None:
        """Say what cannot be measured; a cell that should be there and is not fails, and its file says so."""
        reasons: dict[str, dict[Cell, str]] = {"skipped": {}, "excluded": {}, "failed": {}}
        for cell, one in missing.items():
            reasons[one.state][cell] = one.reason
            if one.state != "skipped":
                self.evidence.fail(cell, Status(state=one.state, reason=one.reason))
        for python, cells in Counter(Runtime.of(cell.python).interpreter for cell in reasons["skipped"]).items():
            self.view.say(f"Python {python} was not found, which leaves out {plural(cells, 'cell')}.")
        for why, left_out in by_reason(reasons["excluded"]).items():
            self.view.say(f"Left out: {places(left_out)}. {why[0].upper()}{why[1:]}.")
        for said in named(reasons["failed"]):
            self.view.say(f"{said}{'' if said.endswith('?') else '.'}")
        self._unmeasured |= reasons["failed"]
        self.evidence.write()

    def _mind_missing(self, missing: Mapping[Cell, Missing]) -> None:
        if not self.request.fail_on_missing:
            return
        skipped = {Runtime.of(cell.python).interpreter for cell, one in missing.items() if one.state == "skipped"}
        pythons = sorted(skipped, key=python_key)
        if pythons:
            raise PythonMissingError(
                f"Python {', '.join(pythons)} was not found: install it (uv python install {pythons[0]}), "
                "choose others with --pythons, or leave out --fail-on-missing."
            )
