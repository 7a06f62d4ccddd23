"""What nox itself writes in its report, which decides between a cell that is skipped and one that has failed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackmatrix.matrix.cells import Cell
from stackmatrix.testbed import environments

pytest.importorskip("nox")

NOXFILE = """
import nox

def bench(session):
    if session.posargs:
        session.error("it did not install")

for name in ("here", "broken"):
    nox.session(bench, name=f"env-{name}", python=["%(python)s", "3.99"], venv_backend="virtualenv")
"""


def test_a_python_that_is_not_there_is_skipped_and_an_installation_that_failed_is_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / "noxfile.py").write_text(NOXFILE % {"python": python})
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "nox", "--noxfile", str(tmp_path / "noxfile.py"), "--report", str(report)]
    command += ["--no-error-on-missing-interpreters", "--sessions", f"env-broken-{python}", "env-broken-3.99"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, "--", "fail"], env={**os.environ, "PATH": path, "CI": ""}, capture_output=True, check=False
    )
    assert done.returncode == 1
    monkeypatch.setattr(environments, "installed", dict)
    there, gone = (Cell(stack="broken", python=one, workload="w") for one in (python, "3.99"))
    missing = environments.find_missing([there, gone], report)
    assert (missing[there].state, missing[gone].state) == ("failed", "skipped"), json.loads(report.read_text())
