"""What a run shows while it lasts: the verdicts as they form, or where there is no terminal a line for each step.

Drawing takes time from the core that makes the load, so a terminal is drawn anew twice a second at most, and only when
there is something new: nothing runs in between.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stackmatrix.analysis.comparison.verdicts import Comparison, Family
from stackmatrix.report import words

LEAST_S = 0.5
"""Between two drawings, in seconds."""
ROWS_AROUND = 9
"""Lines of a terminal that are not rows of the table: its frame, what is done now, and the prompt above."""
FEWEST_ROWS = 4
BARELY_S = 90.0
"""Below this, what is left is shown in seconds."""

STYLES = {"better": "green", "worse": "red", "same": "cyan", "undecided": "dim"}


def make_view(console: Console) -> "LiveView | LogView":
    """A live table where there is a terminal, else a log."""
    return LiveView(console) if console.is_interactive else LogView(console)


class _Known:
    """The families as they were last judged, by workload and metric."""

    def __init__(self) -> None:
        self._families: dict[tuple[str, str], Family] = {}

    def learn(self, families: Iterable[Family]) -> None:
        self._families |= {(family.workload, family.metric.name): family for family in families}

    @property
    def headlines(self) -> tuple[Family, ...]:
        """Those that a run goes on for."""
        return tuple(family for family in self._families.values() if family.metric.headline)


class LogView:
    """One line for each step. It is a context, and does what ``View`` of the measurements asks for."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._known = _Known()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, label: str, left_s: float | None) -> None:
        """Nothing: a line is said when the step has ended."""

    def show(self, doing: str) -> None:
        """Nothing, as in ``begin``."""

    def end(self, label: str, words: str, families: Sequence[Family], elapsed_s: float, left_s: float | None) -> None:
        """One line: when, what, what came of it, what is decided, and how long it will still take."""
        self._known.learn(families)
        parts = [f"{label}: {words}", *map(progress, self._known.headlines)]
        if left_s is not None:
            parts.append(f"about {duration(left_s)} left")
        self.say(f"[{duration(elapsed_s)}] {'; '.join(parts)}")


class LiveView:
    """A table of the verdicts that form, below what is done now. ``now_s`` is a clock."""

    def __init__(self, console: Console, now_s: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now_s = now_s
        self._known = _Known()
        self._label = self._doing = ""
        self._ends_s: float | None = None
        self._drawn_s = float("-inf")
        # Without a thread of its own: it is drawn when it is told to, and gone at the end, when the answer follows.
        self._live = Live(console=console, auto_refresh=False, transient=True, get_renderable=self.render)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._label = self._doing = ""
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, label: str, left_s: float | None) -> None:
        self._label, self._doing = label, ""
        self._expect(left_s)
        self._draw(at_once=True)

    def show(self, doing: str) -> None:
        self._doing = doing
        self._draw()

    def end(self, label: str, words: str, families: Sequence[Family], elapsed_s: float, left_s: float | None) -> None:
        self._known.learn(families)
        self._label, self._doing = "", ""
        self._expect(left_s)
        self.say(f"[{duration(elapsed_s)}] {label}: {words}")
        self._draw(at_once=True)

    def _expect(self, left_s: float | None) -> None:
        self._ends_s = None if left_s is None else self._now_s() + left_s

    def _draw(self, *, at_once: bool = False) -> None:
        now_s = self._now_s()
        if at_once or now_s - self._drawn_s >= LEAST_S:
            self._drawn_s = now_s
            self._live.refresh()

    def render(self) -> RenderableType:
        """What is on the screen now."""
        lines: list[RenderableType] = []
        if families := self._known.headlines:
            lines.append(forming(families, max(FEWEST_ROWS, self._console.height - ROWS_AROUND)))
        left_s = None if self._ends_s is None else max(0.0, self._ends_s - self._now_s())
        parts = [part for part in (self._label, self._doing) if part]
        left = [] if left_s is None or not parts else [f"about {duration(left_s)} left"]
        lines.append(Text("; ".join([*parts, *left]), no_wrap=True, overflow="ellipsis"))
        return Group(*lines)


def forming(families: Sequence[Family], most_rows: int) -> Table:
    """Every comparison of these families with what is known of it, or the open ones where there is no room for all."""
    every = [(family, one) for family in families for one in family.compared]
    places: Sequence[int] = range(len(every))
    if len(every) > most_rows:
        # The open ones are what one waits for.
        places = sorted(sorted(places, key=lambda place: every[place][1].is_decided)[:most_rows])
    told = "; ".join(map(progress, families))
    table = Table(title=Text(told), title_justify="left", pad_edge=False)
    for heading in ("workload", "comparison", "so far"):
        table.add_column(heading, overflow="fold")
    table.add_column("blocks", justify="right")
    for family, one in (every[place] for place in places):
        table.add_row(
            Text(family.workload), Text(words.pair(one)), Text(so_far(family, one), STYLES[one.word]), str(one.blocks)
        )
    if len(places) < len(every):
        table.caption = Text(f"and {len(every) - len(places)} more")
    return table


def so_far(family: Family, one: Comparison) -> str:
    """What is known of a comparison, with its size even before anything may be said of it."""
    if family.void is not None:
        return "void"
    told = words.verdict(family.metric, one.effect, one.word, bare=True)
    return told if one.effect.low is not None else f"{words.size(family.metric, one.effect, bare=True)} so far"


def progress(family: Family) -> str:
    """How much of a family is decided: ``fanout: 11 of 19 decided``."""
    if family.void is not None:
        return f"{family.workload}: void, {family.void}".rstrip(".")
    decided = len(family.compared) - len(family.open)
    state = family.controls.state
    controls = "" if state in {"passed", "not measured"} else f", controls {state}"
    return f"{family.workload}: {decided} of {len(family.compared)} decided{controls}"


def duration(seconds: float) -> str:
    """``40 s``, ``12 min``, ``1 h 5 min``."""
    if seconds < BARELY_S:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
