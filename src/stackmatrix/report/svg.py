"""Vega-Lite to SVG, here or in a process of its own, and Vega itself for a page that draws.

vl-convert lets no other thread of its process run while it draws, which takes as long as the rest of a summary.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import vl_convert

from stackmatrix.errors import ResultsFolderError
from stackmatrix.results.writing import write_atomically
from stackmatrix.system import processes

CACHE = Path(sys.prefix) / "cache" / "stackmatrix"

type Spec = Mapping[str, Any]
"""A chart as Vega-Lite, with its data by name in ``datasets``."""


@cache
def compile_chart(spec: str) -> Spec:
    """A chart without data, from Vega-Lite to Vega: machines that measured the same differ only in their data."""
    compiled: Spec = vl_convert.vegalite_to_vega(spec)
    return compiled


def draw(spec: Spec) -> str:
    """A chart as SVG."""
    compiled, data = compile_chart(json.dumps({**spec, "datasets": {}})), spec["datasets"]
    filled = [{**one, "values": data[one["name"]]} if one["name"] in data else one for one in compiled["data"]]
    svg: str = vl_convert.vega_to_svg({**compiled, "data": filled})
    # Ids count up over all charts that the process has drawn; a chart should be the same whatever was drawn before.
    ids = dict.fromkeys(re.findall(r"\bclip\d+\b", svg))
    names = {old: f"clip{place}" for place, old in enumerate(ids)}
    return re.sub(r"\bclip\d+\b", lambda match: names[match[0]], svg)


def bundle(cache: Path = CACHE) -> str:
    """Vega as JavaScript, kept in the environment: bundling takes seconds and always gives the same."""
    kept = cache / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:
        made: str = vl_convert.javascript_bundle()  # type: ignore[call-arg] # it has a default
    with suppress(ResultsFolderError):
        write_atomically(kept, made.encode())
    return made


@contextmanager
def drawn_beside() -> Iterator[Callable[[Sequence[Spec]], Future[list[str]]]]:
    """A process that draws charts while the block goes on, from when it gets them. It has ended when the block has.

    The charts come in the order in which they were given. The future raises ``CalledProcessError`` when the process
    has failed; what it said is on stderr.
    """
    command = [sys.executable, "-m", "stackmatrix.report.svg"]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=processes.child_environment()
        ) as child,
        ThreadPoolExecutor(max_workers=1) as waiting,
    ):
        yield lambda specs: waiting.submit(_draw_there, child, specs)


def _draw_there(child: subprocess.Popen[bytes], specs: Sequence[Spec]) -> list[str]:
    drawn, _ = child.communicate(json.dumps(specs).encode())
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, child.args)
    svgs: list[str] = json.loads(drawn)
    return svgs


def main() -> None:
    """Draw the charts that stand on stdin."""
    # It ends with the process that it draws for, on Ctrl-C too, and silently.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What to draw is not known from the start, and the first drawing of a process takes a second.
    draw({"mark": "point", "datasets": {}})
    if specs := sys.stdin.read():
        json.dump([draw(spec) for spec in json.loads(specs)], sys.stdout)


if __name__ == "__main__":
    main()
