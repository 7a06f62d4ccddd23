"""The messages between the harness and a load process: one JSON object a line, each of a type of its own.

For a level the harness sends :class:`LevelOrder`, :class:`Start` and :class:`Stop`; for a ramp :class:`RampOrder`,
:class:`Start`, perhaps :class:`Drop`, and :class:`Stop`. The load process sends :class:`Ready` once; for each order
:class:`Prepared`, :class:`Settled` where it is a level, and :class:`Done`; at last :class:`End`. Times are seconds of
the monotonic clock. Only the standard library is imported, since locust reads this, too.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from stackmatrix.matrix.arrivals import plan_seed
from stackmatrix.matrix.ladder import LoadLevel, requests_at_once
from stackmatrix.matrix.pages import Page, page_of
from stackmatrix.outside.documents import read_json
from stackmatrix.results.rows import WARMUP_LEVEL

WARMUP_USERS = 5
"""Enough to start every path of a server, few enough not to queue for long where there are two slots."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What stays the same for all levels; a load process reads it from a file at its start.

    ``ports`` are those of all targets, and ``pages`` what each is asked for: the same ones, with the sessions and the
    right answers of each. Arrivals go to them in turn. This is process number ``process`` of
    ``processes``, which drive equal shares of one plan of arrivals. Its requests are numbered from ``first_number`` on,
    in steps of ``processes``. ``unloaded_ms`` is what a response takes about when nothing else is asked for.
    """

    ports: list[int]
    pages: tuple[tuple[Page, ...], ...]
    first_number: int
    unloaded_ms: float
    timeout_s: float
    process: int
    processes: int
    rows_path: str

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan from the JSON of what ``dataclasses.asdict`` makes of it."""
        content = json.loads(text)
        return cls(**{**content, "pages": tuple(tuple(map(page_of, one)) for one in content["pages"])})


@dataclass(frozen=True, slots=True)
class LevelOrder:
    """Drive one level. ``level`` marks its rows, and ``seed`` makes its plan of arrivals.

    Arrivals go to the targets in the order of ``turns``, again and again; where it is empty, to one after the other.
    """

    level: int
    model: str
    value: float
    visitors: int
    settle_s: float
    window_s: float
    seed: str = ""
    turns: list[int] = field(default_factory=list)

    @classmethod
    def warmup(cls, warmup_s: float) -> Self:
        """The warm-up of one target: the same number of users for every cell, kept apart from all levels."""
        return cls(WARMUP_LEVEL, "closed", WARMUP_USERS, WARMUP_USERS, 0.0, warmup_s)

    @classmethod
    def measure(
        cls, place: int, level: LoadLevel, settle_s: float, window_s: float, *, seed: int, mark: int | None = None
    ) -> Self:
        """A level by its place in the ladder. A second attempt has the same plan, and a ``mark`` of its own."""
        visitors, mark = requests_at_once(level), place if mark is None else mark
        return cls(mark, level.model, level.value, visitors, settle_s, window_s, plan_seed(seed, place))


@dataclass(frozen=True, slots=True)
class RampOrder:
    """Drive Poisson arrivals at each of ``rates`` for its ``seconds``, one after the other.

    Rows are written while it lasts, for the harness to watch. When the rates are over, nothing more arrives. What is
    still under way when the ramp is stopped is given up. ``level`` marks its rows.
    """

    level: int
    rates: list[float]
    seconds: list[float]
    visitors: int
    seed: str


@dataclass(frozen=True, slots=True)
class Start:
    """Begin the level or the ramp at this moment."""

    start_s: float


@dataclass(frozen=True, slots=True)
class Drop:
    """From this moment on, the arrivals of a ramp come at ``rate``, until it is stopped."""

    at_s: float
    rate: float


@dataclass(frozen=True, slots=True)
class Stop:
    """End the load: the windows of all processes have settled, or enough was seen of a ramp."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Orders are taken."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The visitors are made."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Every request of the window has ended."""


@dataclass(frozen=True, slots=True)
class Done:
    """The order is done: requests that were recorded and that locust counted, and exceptions that it only logged.

    ``wrong`` are the first reasons why answers were not right: the place of the target, and the page and why, in words.
    """

    recorded: int
    counted: int
    exceptions: int
    wrong: list[list[Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class End:
    """No more orders are taken; ``failure`` says why, if that is not for lack of them."""

    failure: str | None


type Order = LevelOrder | RampOrder | Start | Drop | Stop
type Event = Ready | Prepared | Settled | Done | End

_TYPES: dict[str, Any] = {
    one.__name__: one for one in (LevelOrder, RampOrder, Start, Drop, Stop, Ready, Prepared, Settled, Done, End)
}


def encode(message: Order | Event) -> bytes:
    return json.dumps({"type": type(message).__name__, **asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Any:
    """The message of a line.

    Raises:
        ValueError: when it is none.

    """
    content = read_json(line)
    try:
        return _TYPES[content.pop("type")](**content)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it is no message: {type(error).__name__}: {error}") from error
