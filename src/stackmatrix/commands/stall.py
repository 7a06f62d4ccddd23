"""Show why open-loop load matters: stop the target for two seconds under both loads, and write docs/stall.md."""

import argparse
from pathlib import Path

from stackmatrix.measurements import stall
from stackmatrix.report.terminal import make_console
from stackmatrix.results import store
from stackmatrix.system.processes import PROJECT

TEMPLATE = Path(__file__).parents[1] / "report" / "templates" / "stall.md"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--docs", type=Path, default=PROJECT / "docs", metavar="DIR", help="where the page goes")


def execute(options: argparse.Namespace) -> int:
    """Measure, and write the page with its chart."""
    # Imported here, since drawing takes a second to import and no measurement should share that with it.
    from stackmatrix.report import (
        charts,
        markdown,
    )
    from stackmatrix.report import svg as drawing

    console = make_console()
    with console.status("starting") as status:
        both = stall.stall_both(lambda step: status.update(f"stalling: {step}"))
    title = f"A target that stands still for {stall.STALL_S:g} s of {stall.WINDOW_S:g}"
    svg = drawing.draw(charts.percentile_chart({str(one.name): one.response_ms for one in both}, title))
    page = markdown.render_stall(TEMPLATE.read_text(encoding="utf-8"), both, stall.STALL_S, stall.WINDOW_S)
    store.write_atomically(options.docs / "stall.svg", svg.encode())
    store.write_atomically(options.docs / "stall.md", page.encode())
    console.print(page, markup=False, highlight=False)
    console.print(str(options.docs / "stall.md"), soft_wrap=True, highlight=False, markup=False)
    return 0
