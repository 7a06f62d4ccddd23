"""What a run shows while it lasts: the border to whatever shows it, since measuring knows no screens."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from stackmatrix.analysis.comparison.verdicts import Family


class View(Protocol):
    """Shows a run. ``left_s`` is how long it will probably still take, where that is known."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, text: str) -> None:
        """A line that stays."""

    def begin(self, label: str, left_s: float | None) -> None:
        """A step begins."""

    def show(self, doing: str) -> None:
        """What the step is doing now."""

    def end(self, label: str, words: str, families: Sequence[Family], elapsed_s: float, left_s: float | None) -> None:
        """A step has ended, and this is what is known then."""
