"""Which application a target serves."""

import os
from importlib import import_module
from typing import Any

VARIABLE = "STACKMATRIX_APPLICATION"
"""Names it, as ``module:callable``."""
CALLABLE = "application"


def load() -> Any:
    """The callable that the variable names.

    Raises:
        ImportError, AttributeError: when there is none of that name, as a server itself would say it.

    """
    return named(os.environ[VARIABLE])


def named(name: str) -> Any:
    """The callable of a name, as servers take it: ``module:callable``, or a module that has ``application``."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute or CALLABLE)
