"""The views under test: one module for each workload, with its address, its sync view and its async view.

Most call the external API three times in parallel, sync in a thread pool and async by ``asyncio.gather``, and render
what it said. A module that is added here gets its addresses by itself; one whose client has only one of the two views
gets them under the interface of that view.
"""

from importlib import import_module
from pkgutil import iter_modules

from django.urls import URLPattern, path


def addresses(view: str) -> list[URLPattern]:
    """Where each module's view of that name is: at its ``ADDRESS``, and with other delays at ``<ms>/`` below it."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    workloads = [module for module in modules if hasattr(module, "ADDRESS") and hasattr(module, view)]
    return [
        path(f"{module.ADDRESS}{delay}", getattr(module, view)) for module in workloads for delay in ("", "<int:ms>/")
    ]
