"""What checks and runs find: every code, once."""

from enum import StrEnum
from typing import Literal

from stackmatrix.results.types import Struct

Severity = Literal["note", "invalid"]


class Code(StrEnum):
    """What a finding is about, as it stands in result files."""

    GENERATOR_LAG = "generator-lag"
    GENERATOR_BUSY = "generator-busy"
    GENERATOR_EXHAUSTED = "generator-exhausted"
    OFFERED_RATE = "offered-rate"
    CLIENT_RETRIES = "client-retries"
    RECORDER = "recorder"

    API_BUSY = "api-busy"
    SERVICES_BUSY = "services-busy"
    API_GONE = "api-gone"
    API_OVERSHOOT = "api-overshoot"
    API_LISTEN_QUEUE = "api-listen-queue"
    CONSERVATION = "conservation"

    TARGET_LISTEN_QUEUE = "listen-queue"
    TARGET_OPEN_FILES = "target-open-files"
    TARGET_CHANGED = "target-changed"
    WRONG_BODY = "wrong-body"
    TOO_FAST = "too-fast"
    LITTLES_LAW = "littles-law"
    NOT_STEADY = "not-steady"
    FAILURES = "failures"

    DATABASE_LOCKED = "database-locked"
    CONNECTIONS = "database-connections"
    CONNECTION_POOL = "database-pool"
    KEPT_CONNECTIONS = "kept-connections"
    MORE_THREADS = "more-threads-than-connections"
    NO_SERVICE = "service-does-not-answer"
    NO_MAIL = "no-mail-server"
    RAISED = "raised"

    OPEN_FILES = "open-files"
    PORTS = "ports"
    STEAL = "steal"
    FOREIGN_LOAD = "foreign-load"
    PACE = "pace"
    UNEXPLAINED_LOAD = "unexplained-load"
    THROTTLED = "throttled"
    MEMORY = "memory"
    PIDS = "pids"
    NETWORK = "network"
    NOT_PINNED = "not-pinned"
    SLOWER_CORES = "slower-cores"
    UNKNOWN_CORES = "unknown-cores"
    STRAYED = "strayed"
    UNEVEN_CORE = "uneven-core"
    HELD_UP = "held-up"

    BEYOND_SATURATION = "beyond-saturation"
    NOT_REACHED = "not-reached"
    RECOVERY = "recovery"
    SECOND_ATTEMPT = "second-attempt"
    KILLED = "killed"


class Finding(Struct, frozen=True):
    """A validity check's outcome. ``invalid`` keeps the level out of every comparison; ``note`` does not."""

    code: str
    severity: Severity
    sentence: str


def note(code: Code, sentence: str) -> Finding:
    """A finding that a reader should know, and that spoils nothing."""
    return Finding(code=code.value, severity="note", sentence=sentence)


def invalid(code: Code, sentence: str) -> Finding:
    """A finding that keeps the level out of every comparison."""
    return Finding(code=code.value, severity="invalid", sentence=sentence)
