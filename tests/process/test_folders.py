"""A checkout in a folder with an unusual name: all that a measurement starts is found and started all the same."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackmatrix.system.processes import PROJECT

pytestmark = pytest.mark.alone

PARTS = ("src", "locust", "tests", "circus.ini", "pyproject.toml")
# 100 signs of which each means something to a shell, to circus, locust or Python's formats, or to readers alone.
NAME = 'co$TS o\'b Prüfstand (1) & {x} #!;,"q" '.ljust(100, "x")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of what runs, without the results."""
    folder = tmp_path / NAME
    folder.mkdir()
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    yield folder
    shutil.rmtree(folder)


def test_a_checkout_in_it_measures(checkout: Path) -> None:
    (temporary := checkout / "tmp").mkdir()
    given = {
        "PATH": f"{checkout / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": f"{checkout / 'src'}:{checkout}",
        "TMPDIR": str(temporary),  # as nox has it
        "HOME": str(checkout / "no such home"),
    }
    command = [sys.executable, "-m", "tests.process.small_run", "s3cret"]
    done = subprocess.run(command, cwd=checkout, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [" ".join(one) for one in json.loads(done.stdout.splitlines()[-1])["commands"]]
    assert any(str(checkout / "tests" / "process" / "standin.py") in line for line in lines)
