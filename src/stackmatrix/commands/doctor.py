"""One screen before anybody waits: whether a run could begin here, what it would leave out, and what it can decide."""

import argparse

from stackmatrix.commands import run
from stackmatrix.commands.choice import choose_cells, make_request
from stackmatrix.commands.examining.rows import ROWS, Row, examine, name_of
from stackmatrix.results import diagnosis, writing
from stackmatrix.results.diagnosis import Examination


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a run, so that what follows ``--`` there may follow it here."""
    run.add_options(parser, data="everything that is said")


def execute(options: argparse.Namespace) -> int:
    """Look, and say everything; the exit code is 0 where the run could begin, else the one that it would end with."""
    from stackmatrix.commands.examining import prospect
    from stackmatrix.report.diagnosis import conclusion, table
    from stackmatrix.report.terminal import make_console

    choice = choose_cells(options)
    profile = run.choose_profile(options, choice)
    case = run.case_of(options, make_request(options, profile, choice), profile, choice)
    kinds = run.make_kinds(options, profile)
    ahead = (
        Row("decides", prospect.decides),
        Row("takes", lambda one: prospect.takes(one, kinds)),
    )
    found = Examination.of(name_of(case), examine(case, (*ROWS, *ahead)))
    console = make_console()
    console.print(table(found))
    for line in conclusion(found):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if options.json:
        writing.write_atomically(options.json.resolve(), diagnosis.encode(found))
    return found.exit_code
