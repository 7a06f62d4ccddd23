"""The page of stacks, docs/stacks.md: made of their table. Pure."""

from collections.abc import Sequence

from markupsafe import Markup

from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.excluded import EXCLUDED, Candidate
from stackmatrix.report.environment import typed
from stackmatrix.report.table import Column, Table, name

PAGE = """# Stacks

Every stack that `--stacks` chooses, by its name or one of its tags. All have the same listen queue where the server can
be told, write no access log, and are one process, unless their name says more. What serves a page is asked of the
serving process itself before anything is measured: a target that is another server, worker or loop than its row says is
not measured.

{stacks}

- **slots**: requests that can be inside the view at once; *no limit* where the server sets none.
- **connections**: *kept* where a second request is answered on a connection, else *one request each*.

## Commands

`{{bin}}` is the environment's folder of programs, `{{port}}` the port, `{{backlog}}` the listen queue, and `{{folder}}`
a private folder. Stacks with the same packages share an environment, which has the name of one of them.

{commands}

## Where a stack cannot run

It is left out with this reason before anything is installed, and pages say so.

{limits}

## Not in the table

Tried, with what was observed.

{excluded}

This page is made of `src/stackmatrix/matrix/stacks/` by `nox -s lock`.
"""


def render() -> str:
    """The whole page."""
    rows = tuple(STACKS.values())
    stacks: Table[Stack] = Table(
        (
            name("stack", lambda row: row.name),
            Column("what it is", lambda row: row.summary),
            Column("tags", lambda row: ", ".join(tag for tag in row.tags if tag != "all")),
            Column("slots", lambda row: "no limit" if row.slots is None else str(row.slots), is_number=True),
            Column("processes", lambda row: str(row.workers), is_number=True),
            Column("connections", lambda row: "kept" if row.keeps_connections else "one request each"),
        ),
        rows,
    )
    commands: Table[Stack] = Table(
        (
            name("stack", lambda row: row.name),
            Column("command", lambda row: Markup("`{}`").format(Markup(typed(row.command)))),  # noqa: S704
            Column("environment", lambda row: row.environment),
            Column("who recommends the flags", lambda row: row.flags_from),
        ),
        rows,
    )
    limits: Table[tuple[str, str, str]] = Table(
        (
            Column("where", lambda limit: limit[0]),
            Column("why", lambda limit: limit[1]),
            Column("stacks", lambda limit: limit[2]),
        ),
        [(*limit, ", ".join(names)) for limit, names in limits_of(rows).items()],
    )
    excluded: Table[Candidate] = Table(
        (Column("candidate", lambda one: one.name), Column("why not", lambda one: one.reason)), EXCLUDED
    )
    return PAGE.format(
        stacks=stacks.to_markdown(),
        commands=commands.to_markdown(),
        limits=limits.to_markdown(),
        excluded=excluded.to_markdown(),
    )


def limits_of(rows: Sequence[Stack]) -> dict[tuple[str, str], list[str]]:
    """Where stacks cannot run and why, each with the names of the stacks."""
    limits: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        pythons = [(f"on Python {python}", f"{reason}.") for python, reason in row.not_on.items()]
        needs = [(f"without {need.name}", f"It is needed: {need.remedy}.") for need in row.needs]
        for limit in (*pythons, *needs):
            limits.setdefault(limit, []).append(row.name)
    return limits
