"""What all tests of faults need: the target's environment, and none of the variables of a nox that runs them."""

import subprocess
import sys

import pytest

from tests.faults import running


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    """The environments of the harness and of the target, which nox installs where they are not there."""
    nox = [sys.executable, "-m", "nox", "--noxfile", str(running.ROOT / "noxfile.py"), "-s"]
    subprocess.run([*nox, "tool", f"env-{running.STACK}-{running.PYTHON}"], check=True, capture_output=True)
