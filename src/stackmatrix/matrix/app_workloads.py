"""The workloads of somebody's own application: all of its pages by their weights, and each page alone. Pure."""

import re
from collections.abc import Sequence
from itertools import chain, count

from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.workloads import EVERY_WORKLOAD, WORKLOADS, Workload

ALL_PAGES = "pages"
"""The workload that has all pages, which is measured unless others are chosen."""
LONGEST_NAME = 80
"""Of a page alone: a file is called so, and more is added to it."""
FRONT = "front"
"""What the page at ``/`` is called."""


def workloads_of(pages: Sequence[Page]) -> list[Workload]:
    """All pages together, then each one alone where there are several. Of their calls nothing is known."""
    counted = f"{len(pages)} pages by their weights" if len(pages) > 1 else pages[0].name
    together = _workload(ALL_PAGES, counted, tuple(pages))
    if len(pages) == 1:
        return [together]
    return [together, *(_workload(name, page.name, (page,)) for name, page in zip(_names(pages), pages, strict=True))]


def _workload(name: str, summary: str, pages: tuple[Page, ...]) -> Workload:
    return Workload(name, summary, pages, (), makes_calls=False, calls_known=False)


def _names(pages: Sequence[Page]) -> list[str]:
    """A name for each page that a folder can have, unlike those of the others.

    Nor is it a name of the built-in site's, of whose pages more is known than of these.
    """
    names: list[str] = []
    for page in pages:
        plain = re.sub(r"[^\w.-]+", "-", page.name)[:LONGEST_NAME].strip("-.").lower() or FRONT
        taken = {ALL_PAGES, EVERY_WORKLOAD, *WORKLOADS, *names}
        possible = chain([plain], (f"{plain}-{number}" for number in count(2)))
        names.append(next(one for one in possible if one not in taken))
    return names
