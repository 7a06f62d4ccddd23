"""An application by its name, as servers take it: ``module`` or ``module:callable``."""

from importlib import import_module
from typing import Any

CALLABLE = "application"


def load(name: str) -> Any:
    """The callable that the name stands for; ``application`` where it names a module only."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute or CALLABLE)
