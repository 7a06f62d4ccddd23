"""The pages, charts, report and verdicts of the results, and the answer in the terminal."""

import argparse
from pathlib import Path

from stackmatrix.commands.options import add_app, add_json, add_results, results_of
from stackmatrix.errors import ResultFileError, ResultsFolderError
from stackmatrix.matrix import app_file

MOST_TOLD = 10
"""Files that could not be read, of which the error says why: the page has all of them."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_results(parser)
    add_app(parser)
    add_json(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every number of every block as a table, too")
    parser.add_argument("--parquet", type=Path, metavar="FILE", help="the same table as Parquet")
    parser.add_argument("--hlog", type=Path, metavar="FILE", help="write every histogram in HdrHistogram's log format")


def execute(options: argparse.Namespace) -> int:
    """Read everything, write what people read, and print the answer of the published machine.

    Raises:
        ResultFileError: at the very end, when a file had to be left out.

    """
    app = None if options.app is None else app_file.read(options.app).name
    folder = results_of(options.results.resolve(), app)
    if not folder.is_dir():
        raise ResultsFolderError(f"There is no results folder {folder}: make results with nox -s matrix.")
    from stackmatrix.report import svg

    # Charts are drawn in a process beside, which begins while this one still imports what it needs.
    with svg.drawn_beside() as draw:
        from stackmatrix.report import publishing, verdicts
        from stackmatrix.report.terminal import make_console, print_answer

        published = publishing.publish(folder, draw)
    published.write_exports(options.csv, options.parquet, options.hlog)
    console = make_console()
    if published.first is not None:
        print_answer(console, published.first)
        if options.json:
            from stackmatrix.results import writing

            writing.write_atomically(options.json.resolve(), verdicts.encode(published.first))
    console.print(f"Written: {folder / 'README.md'}", soft_wrap=True, highlight=False, markup=False)
    if left_out := published.left_out:
        more = f" And {len(left_out) - MOST_TOLD} more, which the page lists." if len(left_out) > MOST_TOLD else ""
        raise ResultFileError(f"Left out {len(left_out)} of the files: {' '.join(left_out[:MOST_TOLD])}{more}")
    return 0
