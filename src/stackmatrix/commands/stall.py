"""Why open-loop load matters: a target that stands still for two seconds, under both kinds of load."""

import argparse
from pathlib import Path

from stackmatrix.matrix.profiles import DEFAULT_PROFILE, PROFILES
from stackmatrix.measurements import stall
from stackmatrix.measurements.request import Request
from stackmatrix.measurements.runner import Runner
from stackmatrix.report.live import make_view
from stackmatrix.report.terminal import make_console
from stackmatrix.results import writing
from stackmatrix.system.processes import PROJECT

TEMPLATE = Path(__file__).parents[1] / "report" / "templates" / "stall.md"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--docs", type=Path, default=PROJECT / "docs", metavar="DIR", help="where the page goes")


def execute(options: argparse.Namespace) -> int:
    console, kind = make_console(), stall.StallComparison()
    request = Request(cells=(), seed=1, folder=options.docs.resolve())
    Runner(request, PROFILES[DEFAULT_PROFILE], [kind], make_view(console)).run()
    # Imported here, since drawing takes a second to import and no measurement should share that with it.
    from stackmatrix.report import charts, markdown, svg

    title = f"A target that stands still for {stall.STALL_S:g} s of {stall.WINDOW_S:g}"
    times = {one.name: one.response_ms for one in kind.stalled}
    drawn = svg.draw(charts.percentile_chart(times, title))
    page = markdown.render_stall(TEMPLATE.read_text(encoding="utf-8"), kind.stalled, stall.STALL_S, stall.WINDOW_S)
    writing.write_atomically(options.docs / "stall.svg", drawn.encode())
    writing.write_atomically(options.docs / "stall.md", page.encode())
    console.print(page, markup=False, highlight=False)
    console.print(str(options.docs / "stall.md"), soft_wrap=True, highlight=False, markup=False)
    return 0
