"""The page of stacks, docs/stacks.md: made of their table. Pure."""

from markupsafe import Markup

from stackmatrix.matrix.stacks import STACKS, Stack
from stackmatrix.matrix.stacks.excluded import EXCLUDED, Candidate
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
            Column("command", lambda row: Markup("`{}`").format(Markup(" ".join(row.command)))),  # noqa: S704
            Column("environment", lambda row: row.environment),
            Column("who recommends the flags", lambda row: row.flags_from),
        ),
        rows,
    )
    limits: Table[tuple[str, str, str]] = Table(
        (
            name("stack", lambda row: row[0]),
            Column("where", lambda row: row[1]),
            Column("why", lambda row: row[2]),
        ),
        [limit for row in rows for limit in limits_of(row)],
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


def limits_of(stack: Stack) -> list[tuple[str, str, str]]:
    """Where a stack cannot run: its name, where, and why."""
    pythons = [(stack.name, f"Python {python}", f"{reason}.") for python, reason in stack.not_on.items()]
    needs = [(stack.name, f"without {need.name}", f"Install it: {need.remedy}.") for need in stack.needs]
    return [*pythons, *needs]
