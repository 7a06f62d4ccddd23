"""Which application a target serves."""

import os
from importlib import import_module
from typing import Any

VARIABLE = "STACKMATRIX_APPLICATION"
"""Names it, as ``module:callable``."""


def load() -> Any:
    """The callable that the variable names.

    Raises:
        ImportError, AttributeError: when there is none of that name, as a server itself would say it.

    """
    module, _, name = os.environ[VARIABLE].partition(":")
    return getattr(import_module(module), name or "application")
