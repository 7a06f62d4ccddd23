"""A whole run of somebody's own application, in a network of its own: who was talked to, and where its secret went.

Its pages raise an exception with the secret from some request on, and its log has the secret, too.
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.system.processes import PROJECT, SOURCE
from tests.process import network_of_its_own, small_project
from tests.process.network_of_its_own import Used

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="only Linux has networks of one's own")

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
STACK = next(stack.name for stack in STACKS.values() if stack.server == "uvicorn")
NAME = "privacy-shop"
SECRET = "s3cr3t$of'the\"shop&é"  # noqa: S105 - a made-up one
PART = "s3cr3t"
FILE = f"""
name = "{NAME}"
install = ["django"]
secrets = ["TOKEN"]

[[request]]
path = "/"
"""
URLS = """
import itertools
import os
import sys

from django.http import HttpResponse
from django.urls import path

NUMBERS = itertools.count()
FEW = 12


def index(request):
    if next(NUMBERS) > FEW:
        print(os.environ["TOKEN"], repr(os.environ), file=sys.stderr, flush=True)
        raise LookupError("no " + "x" * 200 + os.environ["TOKEN"])
    return HttpResponse("<title>Shop</title>")


urlpatterns = [path("", index)]
"""


@dataclass(frozen=True)
class Ended:
    """What a run did in its network, what it printed, and when it began."""

    used: Used
    printed: str
    began_s: float
    results: Path


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The run, once for all tests."""
    folder = tmp_path_factory.mktemp("privacy")
    app = small_project.make(folder / "shop", FILE, {"mysite/urls.py": URLS})
    stacks = (REFERENCE_STACK, STACK)
    given = {**os.environ, "PYTHONPATH": str(SOURCE), "TOKEN": SECRET}
    for stack in stacks:  # here there is no network any more
        command = [sys.executable, "-m", "stackmatrix", "install-app", "--app", str(app), "--stack", stack]
        subprocess.run([*command, "--python", PYTHON], env=given, check=True)
    command = [sys.executable, "-m", "stackmatrix", "run", "--app", str(app), "--stacks", ",".join(stacks)]
    command += ["--pythons", PYTHON, "--profile", "smoke", "--measure", "cost,stop", "--machine", "here"]
    command += ["--results", str(folder / "results")]
    began_s = time.time()
    whole = network_of_its_own.command_for(folder / "used.json", command)
    if whole is None:
        pytest.skip("there are no tools for a network of the test's own")
    done = subprocess.run(whole, env=given, capture_output=True, text=True, check=False, umask=0o000)
    if "unshare" in done.stderr and not (folder / "used.json").exists():
        pytest.skip("this user may not make a network")
    return Ended(Used.read(folder / "used.json"), done.stdout + done.stderr, began_s, folder / "results")


def test_only_loopback_is_listened_on_and_talked_to_and_nothing_is_looked_up(ended: Ended) -> None:
    used = ended.used
    assert len(used.listened) > 4, ended.printed  # the external API and targets, of several steps
    assert {address.rpartition(":")[0] for address in used.listened} == {"127.0.0.1"}
    assert {*used.talked} <= {"127.0.0.1", "0.0.0.0"}  # noqa: S104 - the other end of a socket without one
    assert (used.others, [name for name, count in used.sent.items() if count]) == ([], [])
    assert {mode for path, mode in used.paths.items() if not path.startswith("@")} <= {"0o700", "gone"}


def test_the_secret_is_in_nothing_that_was_printed_and_in_no_file_that_is_left(ended: Ended) -> None:
    assert "LookupError" in ended.printed
    assert PART not in ended.printed
    found, looked_at = [], set()
    for root in (ended.results, PROJECT / ".nox"):
        for path in root.rglob("*"):
            with suppress(OSError):  # another run's, which is gone by now
                if path.is_file() and path.stat().st_mtime >= ended.began_s and "__pycache__" not in path.parts:
                    looked_at.add(root)
                    found += [path] if PART.encode() in path.read_bytes() else []
    assert ended.results in looked_at
    assert found == []
