"""The sessions as people run them: nox, the real stacks, real load, at the smoke profile."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell
from stackmatrix.matrix.stacks import PYTHONS, REFERENCE_STACK, STACKS
from stackmatrix.results import codec
from stackmatrix.system import cores, ports, processes
from stackmatrix.system.ports import API_PORT, TARGET_PORT
from stackmatrix.testbed import environments, testbed

ROOT = Path(__file__).parents[2]
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PORTS = [API_PORT, *(stack.port for stack in STACKS.values())]


def nox(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), *arguments]
    given = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of all stacks on this Python, measured once for the tests of this file."""
    folder = tmp_path_factory.mktemp("results")
    done = nox(
        "-s", "matrix", "--", "--profile", "smoke", "--workload", "fanout", "--pythons", THIS_PYTHON,
        "--results", str(folder), "--machine", "here",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return folder


def read(folder: Path, stack: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "here" / "fanout" / stack / f"{THIS_PYTHON}.json").read_text())
    return result


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_ends_with_a_valid_file(smoke: Path, stack: str) -> None:
    result = read(smoke, stack)

    jsonschema.validate(result, json.loads(codec.schema()))
    assert result["status"] == {"state": "ok", "reason": None}
    assert result["environment"]["python"]["version"].startswith(f"{THIS_PYTHON}.")
    assert STACKS[stack].server in result["environment"]["packages"]
    levels = result["trials"][0]["levels"]
    assert [level["users"] for level in levels] == [1, 5]
    assert all(level["requests"] > 0 for level in levels)
    assert all(level["latency_ms"]["p50"] >= 600 for level in levels)
    assert all(level["target"]["cpu_ms_per_request"] > 0 for level in levels)


def test_a_target_environment_holds_the_application_and_its_server_only(smoke: Path) -> None:
    foreign = {"locust", "circus", "numpy", "msgspec", "pytest", "psutil"}
    for stack in STACKS:
        assert not foreign & set(read(smoke, stack)["environment"]["packages"])


def test_all_cells_of_a_run_share_its_id_and_seed(smoke: Path) -> None:
    runs = [read(smoke, stack)["run"] for stack in STACKS]
    assert all(run == runs[0] for run in runs)


def test_nothing_is_left_running(smoke: Path) -> None:
    assert smoke
    assert [port for port in PORTS if ports.is_bound(port)] == []


def test_the_summary_shows_every_stack_and_compares_nothing_of_a_smoke_run(smoke: Path) -> None:
    done = nox("-s", "summarize", "--", "--results", str(smoke))

    assert done.returncode == 0, done.stdout + done.stderr
    page = (smoke / "README.md").read_text()
    assert all(f"| {stack} | {THIS_PYTHON} |" in page for stack in STACKS)
    assert "Not enough blocks to claim anything" in page
    assert " × " not in page


def test_the_pooled_client_opens_no_client_per_request(tmp_path: Path, smoke: Path) -> None:
    stack = next(name for name, row in STACKS.items() if row.interface == "ASGI")
    done = nox(
        "-s", f"bench-{stack}-{THIS_PYTHON}", "--", "--profile", "smoke", "--workload", "fanout_shared_client",
        "--results", str(tmp_path), "--machine", "here",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    path = tmp_path / "here" / "fanout_shared_client" / stack / f"{THIS_PYTHON}.json"
    assert str(path) in done.stdout
    shared = json.loads(path.read_text())["trials"][0]["levels"][0]["target"]["cpu_ms_per_request"]
    own = read(smoke, stack)["trials"][0]["levels"][0]["target"]["cpu_ms_per_request"]
    # Not a timing: building a TLS context for each request is most of the work, three times the rest and more.
    assert shared < own


def test_cells_side_by_side_are_all_up_at_once_and_each_is_billed_for_its_own_requests(tmp_path: Path) -> None:
    stacks = [REFERENCE_STACK, next(name for name, row in STACKS.items() if row.interface == "ASGI")]
    done = nox(
        "-s", "cost", "--", "--stacks", ",".join(stacks), "--pythons", THIS_PYTHON,
        "--workload", "fanout_shared_client", "--blocks", "2", "--window", "5",
        "--results", str(tmp_path), "--machine", "here",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    files = [*(f"{stack}/{THIS_PYTHON}" for stack in stacks), f"{REFERENCE_STACK}/{THIS_PYTHON}.twin"]
    for name in files:
        result = json.loads((tmp_path / "here" / "fanout_shared_client" / f"{name}.json").read_text())
        jsonschema.validate(result, json.loads(codec.schema()))
        blocks = result["cost"]["blocks"]
        assert [one["block"] for one in blocks] == [0, 1]
        assert all(one["failures"] == {} and one["requests"] > 0 for one in blocks)
        assert all(0 < one["cpu_ms_per_request"] < 1_000 for one in blocks)
    assert done.stdout.count("(twin)") == 1
    assert [port for port in range(TARGET_PORT, TARGET_PORT + 3) if ports.is_bound(port)] == []


BROKEN = """
import sys

from django.core.exceptions import ImproperlyConfigured

sys.stdout.write("A line of other output.\\n" * 100_000)
sys.stdout.flush()
raise ImproperlyConfigured("Set the KEY variable.")
"""


@pytest.mark.usefixtures("smoke")
@pytest.mark.parametrize("stack", STACKS)
def test_an_application_that_cannot_start_is_reported_by_its_exception_on_every_stack(
    tmp_path: Path, stack: str
) -> None:
    (tmp_path / "broken_app.py").write_text(BROKEN)
    (subject,) = environments.resolve([Cell(stack=stack, python=THIS_PYTHON, workload="fanout")])
    subject = replace(subject, app=App("broken", "broken_app", "broken_app:application", "/served-by/", ()))
    path = f"PYTHONPATH={processes.SOURCE}:{tmp_path}"
    with (
        pytest.raises(TrialError) as failed,
        testbed.start([subject], cores.divide_cores(), None, wrap=lambda _, command: ("env", path, *command)) as bed,
    ):
        bed.verify()
    reason = str(failed.value)
    assert "ended by itself: django.core.exceptions.ImproperlyConfigured: Set the KEY variable." in reason
    kept = re.search(r"its whole log: ([^)]+)\)", reason)
    assert kept
    assert (processes.PROJECT / kept[1]).stat().st_size > 2_000_000


def test_ctrl_c_ends_everything_and_leaves_earlier_results_alone(tmp_path: Path, smoke: Path) -> None:
    stack = next(name for name, row in STACKS.items() if row.interface == "ASGI")
    earlier = tmp_path / "here" / "fanout" / stack / f"{THIS_PYTHON}.json"
    earlier.parent.mkdir(parents=True)
    shutil.copy(smoke / "here" / "fanout" / stack / f"{THIS_PYTHON}.json", earlier)
    before = earlier.read_bytes()
    command = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), "-s", f"bench-{stack}-{THIS_PYTHON}"]
    command += ["--", "--profile", "smoke", "--results", str(tmp_path), "--machine", "here"]
    (api_port,), (port,) = ports.find_free(API_PORT, 1), ports.find_free(TARGET_PORT, 1)
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    signal.signal(signal.SIGINT, heard)
    try:
        deadline = time.monotonic() + 60
        while not ports.is_bound(port):
            assert time.monotonic() < deadline, "the target never listened"
            time.sleep(0.1)
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()

    assert run.returncode == 130, output
    assert b"Traceback" not in output
    assert [one for one in (api_port, port) if ports.is_bound(one)] == []
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    parts = ("circus.ini", "locustfile.py", f"slow_api --port {api_port}", "/bench-")
    assert [line for line in lines if str(ROOT) in line and any(part in line for part in parts)] == []
    assert earlier.read_bytes() == before


def test_a_python_that_cannot_be_had_is_skipped_or_minded() -> None:
    absent = [python for python in PYTHONS if shutil.which(f"python{python}") is None]
    if not absent:
        pytest.skip("every Python of the axis is on this machine")
    name = f"bench-{next(iter(STACKS))}-{absent[-1]}"
    # An index that refuses at once stands for a machine without network.
    offline = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0", "CI": "true"}

    assert nox("-s", name, "--", "--profile", "smoke", **offline).returncode == 0
    minded = nox("-s", name, "--", "--profile", "smoke", "--fail-on-missing", **offline)
    assert minded.returncode == 1
    assert f"interpreter {absent[-1]} not found" in minded.stdout + minded.stderr


def test_a_missing_compiler_is_told_before_anything_is_built(tmp_path: Path) -> None:
    stack = next(row for row in STACKS.values() if row.needs_compiler)
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in (f"python{THIS_PYTHON}", "git", "env", "sh"):
        (programs / program).symlink_to(shutil.which(program) or sys.executable)
    done = nox(
        "--envdir", str(tmp_path / "environments"), "-s", f"bench-{stack.name}-{THIS_PYTHON}",
        "--", "--profile", "smoke", "--results", str(tmp_path),
        PATH=str(programs),
    )  # fmt: skip

    assert done.returncode == 1
    assert "there is no C compiler: install one" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_mistyped_option_is_told_in_one_sentence() -> None:
    done = nox("-s", "matrix", "--", "--stacks", "uvicon")

    assert done.returncode == 1
    assert "Unknown stack 'uvicon': did you mean uvicorn?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
