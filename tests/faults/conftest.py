"""What all tests of faults need: the environments, and a folder of their own with a short path."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import running


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """The environments of the harness and of the target, which nox installs where they are not there."""
    nox = [sys.executable, "-m", "nox", "--noxfile", str(running.ROOT / "noxfile.py"), "-s"]
    subprocess.run([*nox, "tool", f"env-{running.STACK}-{running.PYTHON}"], check=True, capture_output=True)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's: in a long one the harness would not put its private folders."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
