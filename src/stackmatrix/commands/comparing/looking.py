"""What there is to know of this machine before a comparison, said before anything is installed."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from stackmatrix.commands.comparing.side_by_side import Plan
from stackmatrix.commands.examining.case import Case
from stackmatrix.commands.examining.first import look_first
from stackmatrix.matrix.profiles import DEFAULT_PROFILE, PROFILES
from stackmatrix.measurements.request import Request


def look(options: argparse.Namespace, plan: Plan, request: Request, kinds: Sequence[str], *, must_count: bool) -> None:
    """Say it; one that does not ``must_count`` goes on without a program for that, and says so itself.

    Raises:
        StackmatrixError: where something would stop the comparison.

    """
    profile = replace(PROFILES[DEFAULT_PROFILE], kinds=tuple(kinds), minutes=request.minutes)
    but = ["application"]  # a side may be another revision of it than is checked out
    but += [] if must_count else ["instruction counter"]
    look_first(Case(request, profile, plan.app, plan.interpreters), options, but)
