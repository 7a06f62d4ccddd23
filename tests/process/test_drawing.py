"""What is drawn beside is what is drawn here, and nothing is left running, whatever happens."""

import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from stackmatrix.report import charts, svg


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def chart(*times_ms: float) -> svg.Spec:
    return charts.percentile_chart({"open": times_ms, "closed": [2.0]}, "A title with an ä")


def test_charts_drawn_beside_are_those_drawn_here_in_their_order() -> None:
    before = children()
    few, many = chart(1.0, 2.0), chart(*range(1, 100))
    with svg.drawn_beside() as draw:
        drawn = draw([few, many, few]).result()
    assert drawn == [svg.draw(few), svg.draw(many), svg.draw(few)]
    assert drawn[0] != drawn[1]
    assert children() == before


def test_a_block_that_fails_before_it_has_anything_to_draw_leaves_nothing_running(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError), svg.drawn_beside():
        _ = 1 / 0
    assert children() == before
    assert capfd.readouterr().err == ""


def test_drawing_that_fails_says_so_where_it_is_asked_for() -> None:
    broken: dict[str, Any] = {"mark": {"type": "no such mark"}, "datasets": {}}
    with svg.drawn_beside() as draw:
        drawn = draw([broken])
        with pytest.raises(subprocess.CalledProcessError):
            drawn.result()


def test_what_draws_in_a_page_is_bundled_once_and_made_again_where_it_cannot_be_kept(tmp_path: Path) -> None:
    made = svg.bundle(tmp_path)
    assert "vegaEmbed" in made
    (kept,) = tmp_path.iterdir()
    assert kept.read_text(encoding="utf-8") == made
    kept.write_text("kept", encoding="utf-8")
    assert svg.bundle(tmp_path) == "kept"
    assert svg.bundle(kept) == made
