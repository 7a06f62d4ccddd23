"""What checks and runs find: every code, once."""

from typing import Literal

from stackmatrix.results.types import Struct

SECOND_ATTEMPT = "second-attempt"


Severity = Literal["note", "invalid"]


class Finding(Struct, frozen=True):
    """A validity check's outcome. ``invalid`` keeps the level out of every comparison; ``note`` only tells."""

    code: str
    severity: Severity
    sentence: str
