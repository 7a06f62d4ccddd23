"""The sessions as people run them: nox, the real stacks, real load, at the smoke profile."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.app import App
from stackmatrix.matrix.cells import Cell, choose_stacks
from stackmatrix.matrix.pythons import PYTHONS
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.matrix.stacks.stack import COMPILER
from stackmatrix.results import codec
from stackmatrix.system import cores, ports, processes
from stackmatrix.testbed import environments, testbed

ROOT = Path(__file__).parents[2]
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CHOSEN = ("seed", "granian_asgi", "hypercorn_uvloop", "waitress_100_threads")
"""The demo's stacks, and one of each further family that installs in seconds; tests/selftest has all."""
MEASURED = choose_stacks(",".join(CHOSEN))
LOOK_S = 0.1
"""Between looks at the processes of a run."""


NOX = (sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"))


def nox(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, **environment}
    return subprocess.run([*NOX, *arguments], cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Smoke:
    """A run that has ended: where its results are, and all processes that it was seen to have."""

    folder: Path
    processes: frozenset[psutil.Process]


HOSTILE = {
    "LD_PRELOAD": "/gone.so", "PYTHONIOENCODING": "ascii", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSTARTUP": "/gone.py",
    "PYTHON_CPU_COUNT": "1", "PYTHONASYNCIODEBUG": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "COLUMNS": "20",
    "TERM": "dumb", "LANG": "C", "LANGUAGE": "de", "VIRTUAL_ENV": "/gone", "CONDA_PREFIX": "/gone",
    "UV_SYSTEM_PYTHON": "1", "UV_PROJECT_ENVIRONMENT": "/gone", "PIP_TARGET": "/gone", "GIT_DIR": "/gone/.git",
    "GIT_WORK_TREE": "/gone", "GIT_INDEX_FILE": "/gone/index", "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9", "no_proxy": "example.org",
    "SSL_CERT_FILE": "/gone.pem", "REQUESTS_CA_BUNDLE": "/gone.pem", "NETRC": "/gone", "LOCUST_HEADLESS": "0",
    "GUNICORN_CMD_ARGS": "--workers 7", "WEB_CONCURRENCY": "7", "UWSGI_PROCESSES": "7", "UVICORN_PORT": "1",
    "DJANGO_SETTINGS_MODULE": "gone", "XDG_CONFIG_HOME": "/gone", "PS4": "$(false)",
}  # fmt: skip
"""A shell in which everything is set that leads programs elsewhere: a loader that complains, proxies that refuse, a
hook of git, another environment and language, and servers' own settings. What is to be installed must be there."""


def watched_nox(*arguments: str, log: Path) -> tuple[int, frozenset[psutil.Process]]:
    """The exit code of a session, and all processes that were seen below it."""
    seen: set[psutil.Process] = set()
    with log.open("wb") as output:
        long = log.parent.with_name("Prüf stand " * 10)
        long.mkdir(exist_ok=True)
        given = {**os.environ, **HOSTILE, "TMPDIR": str(long)}
        few_files = ["sh", "-c", 'ulimit -Sn 256; umask 0; exec "$@"', "sh"]
        command = [*few_files, *NOX, *arguments]
        run = subprocess.Popen(command, cwd=ROOT, env=given, stdout=output, stderr=subprocess.STDOUT)
    try:
        while run.poll() is None:
            seen |= {*processes.tree(run.pid)}
            time.sleep(LOOK_S)
    finally:
        if run.poll() is None:
            run.terminate()
        run.wait()
    return run.returncode, frozenset(seen)


def still_there(every: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; an id that was given again is of another process."""
    return [one for one in every if one.is_running() and processes.is_running(one.pid)]


@pytest.fixture(scope="module")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    """These stacks on this Python, measured once for the tests of this file."""
    folder = tmp_path_factory.mktemp("results")
    wanted = [environments.session_name(Cell(stack=one, python=THIS_PYTHON, workload="fanout")) for one in MEASURED]
    missing = {*wanted} - {f"env-{stack}-{python}" for stack, python in environments.installed()}
    nox("-s", "tool", *missing)  # with the network that this shell has
    code, seen = watched_nox(
        "-s", "matrix", "--", "--profile", "smoke", "--workload", "fanout_shared_client", "--pythons", THIS_PYTHON,
        "--measure", "cost", "--stacks", ",".join(CHOSEN),
        "--results", str(folder), "--machine", "here", "--json", str(folder / "said.json"),
        log=folder / "printed.txt",
    )  # fmt: skip
    assert code == 0, (folder / "printed.txt").read_text()[-5000:]
    return Smoke(folder, seen)


@pytest.fixture(scope="module")
def smoke(smoke_run: Smoke) -> Path:
    """Its results."""
    return smoke_run.folder


def read(folder: Path, stack: str, control: str = "") -> dict[str, Any]:
    name = f"{THIS_PYTHON}{control}.json"
    result: dict[str, Any] = json.loads((folder / "here" / "fanout_shared_client" / stack / name).read_text())
    return result


@pytest.mark.parametrize("stack", MEASURED)
def test_every_stack_ends_with_a_whole_file(smoke: Path, stack: str) -> None:
    result = read(smoke, stack)
    jsonschema.validate(result, json.loads(codec.schema()))
    assert result["status"] == {"state": "ok", "reason": None}
    environment = result["conditions"]["environment"]
    assert environment["python"]["version"].startswith(f"{THIS_PYTHON}.")
    assert STACKS[stack].server.replace("_", "-") in environment["packages"]
    (cost,) = result["cost"]
    assert cost["failures"] == {}
    assert cost["requests"] > 0
    assert 0 < cost["cpu_ms_per_request"] < 1_000


def test_one_stack_is_measured_and_ramped_by_its_own_session_and_a_ladder_is_as_asked_for(tmp_path: Path) -> None:
    stack = next(name for name, row in STACKS.items() if row.interface == "ASGI")
    done = nox(
        "-s", f"bench-{stack}", "--", "--profile", "smoke", "--users", "1,5", "--pythons",
        THIS_PYTHON, "--workload", "fanout_shared_client", "--results", str(tmp_path), "--machine", "here",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    result = read(tmp_path, stack)
    levels = result["ladders"][0]["levels"]
    assert [level["users"] for level in levels] == [1, 5]
    assert all(level["latency_ms"]["p50"] >= 600 for level in levels)
    assert len(result["cost"]) == len(result["ramps"]) == 1
    (ramp,) = result["ramps"]
    assert len(ramp["steps"]) > 1
    assert ramp["reference"]["rate"] == 20
    (stop,) = result["stops"]
    (trial,) = stop["trials"]
    assert trial["inside"]["answered"] == stop["in_flight"]
    assert trial["left"] == []
    assert f"{stack} on {THIS_PYTHON}, fanout_shared_client, ramp 1: " in done.stdout


def test_both_controls_stand_beside_the_reference_and_one_burns_what_was_planted(smoke: Path) -> None:
    twin, planted = (read(smoke, REFERENCE_STACK, control)["cost"][0] for control in (".twin", ".planted"))
    assert (twin["planted_ms"], twin["together"]) == (None, len(MEASURED) + 2)
    assert planted["planted_ms"] > 0
    assert planted["cpu_ms_per_request"] > planted["planted_ms"]


def test_a_target_environment_holds_the_application_and_its_server_only(smoke: Path) -> None:
    foreign = {"locust", "circus", "numpy", "msgspec", "pytest", "psutil"}
    for stack in MEASURED:
        assert not foreign & set(read(smoke, stack)["conditions"]["environment"]["packages"])


def test_all_cells_of_a_run_name_it_once(smoke: Path) -> None:
    runs = [read(smoke, stack)["runs"] for stack in MEASURED]
    assert all(run == runs[0] for run in runs)
    assert len(runs[0]) == 1


def test_nothing_is_left_running(smoke_run: Smoke) -> None:
    assert len(smoke_run.processes) > len(MEASURED) + 2  # the external API and the generator, and what started them
    assert still_there(smoke_run.processes) == []


def test_a_run_says_a_line_for_each_block_and_decides_nothing_of_one_block(smoke: Path) -> None:
    printed = (smoke / "printed.txt").read_text()
    assert "fanout_shared_client, cost block 1: " in printed
    said = json.loads((smoke / "said.json").read_text())
    assert {one["word"] for one in said["comparisons"]} <= {"undecided"}  # none where the block was invalid


def test_the_summary_shows_every_stack(smoke: Path) -> None:
    done = nox("-s", "summarize", "--", "--results", str(smoke))
    assert done.returncode == 0, done.stdout + done.stderr
    page = (smoke / "here" / "README.md").read_text()
    assert all(stack in page for stack in MEASURED)
    assert (smoke / "here" / "verdicts.json").exists()


BROKEN = """
import sys

from django.core.exceptions import ImproperlyConfigured

sys.stdout.write("A line of other output.\\n" * 100_000)
sys.stdout.flush()
raise ImproperlyConfigured("Set the KEY variable.")
"""


@pytest.mark.usefixtures("smoke")
@pytest.mark.parametrize("stack", MEASURED)
def test_an_application_that_cannot_start_is_reported_by_its_exception_on_every_stack(
    tmp_path: Path, stack: str
) -> None:
    (tmp_path / "broken_app.py").write_text(BROKEN)
    (subject,) = environments.resolve([Cell(stack=stack, python=THIS_PYTHON, workload="fanout_shared_client")])
    subject = replace(subject, app=App("broken", "broken_app:application", "broken_app:application", ()))
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


def target_ports(pid: int) -> list[int]:
    """Where the targets among a process's descendants listen."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "/env-" in " ".join(process.cmdline()):
                found += [one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
    return found


def test_ctrl_c_ends_everything_and_leaves_earlier_results_alone(tmp_path: Path, smoke: Path) -> None:
    stack = next(name for name, row in STACKS.items() if row.interface == "ASGI")
    place = Path("here", "fanout_shared_client", stack, f"{THIS_PYTHON}.json")
    earlier = tmp_path / place
    earlier.parent.mkdir(parents=True)
    shutil.copy(smoke / place, earlier)
    before = earlier.read_bytes()
    command = [*NOX, "-s", f"bench-{stack}"]
    command += ["--", "--profile", "smoke", "--pythons", THIS_PYTHON, "--results", str(tmp_path), "--machine", "here"]
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    signal.signal(signal.SIGINT, heard)
    try:
        deadline = time.monotonic() + 60
        while not (listened := target_ports(run.pid)):
            assert time.monotonic() < deadline, "the target never listened"
            time.sleep(LOOK_S)
        family = processes.tree(run.pid)
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()

    assert run.returncode == 130, output
    assert b"Traceback" not in output
    assert [one for one in listened if ports.is_bound(one)] == []
    assert len(family) > 5  # nox, the harness, circusd, the external API, the target
    assert still_there(family) == []
    assert earlier.read_bytes() == before


def test_a_python_that_cannot_be_had_is_left_out_or_minded(tmp_path: Path) -> None:
    absent = [python for python in PYTHONS if shutil.which(f"python{python}") is None]
    if not absent:
        pytest.skip("every Python of the axis is on this machine")
    # An index that refuses at once stands for a machine without network.
    offline = {"UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0", "CI": "true"}
    command = ["-s", f"bench-{next(iter(STACKS))}", "--", "--profile", "smoke", "--pythons", absent[-1]]
    command += ["--results", str(tmp_path)]
    done = nox(*command, **offline)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Python {absent[-1]} was not found, which leaves out 2 cells." in done.stdout
    minded = nox(*command, "--fail-on-missing", **offline)
    assert minded.returncode == 1
    assert f"Python {absent[-1]} was not found: install it" in minded.stdout + minded.stderr


def test_a_missing_compiler_is_told_before_anything_is_built(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stack = next(row for row in STACKS.values() if COMPILER in row.needs)
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in (f"python{THIS_PYTHON}", "git", "env", "sh"):
        (programs / program).symlink_to(shutil.which(program) or sys.executable)
    done = nox(
        "--envdir", str(tmp_path_factory.mktemp("e")), "-s", f"bench-{stack.name}",  # nox abridges a long path
        "--", "--pythons", THIS_PYTHON, "--profile", "smoke", "--results", str(tmp_path),
        PATH=str(programs),
    )  # fmt: skip

    assert done.returncode == 1
    assert f"{stack.name} needs a C compiler, which is not here: install it" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


OLDEST_FOR_NOX = "3.11"


@pytest.fixture
def older_nox(tmp_path: Path) -> list[str]:
    """The nox of these tests on the oldest Python that may run it, which knows nothing newer."""
    name, folder = f"python{OLDEST_FOR_NOX}", tmp_path / "older"
    everywhere = [*Path.home().glob(f".pyenv/versions/{OLDEST_FOR_NOX}.*/bin/{name}")]
    if (found := shutil.which(name)) is not None:
        everywhere.insert(0, Path(found))
    for path in everywhere:
        made = subprocess.run([path, "-m", "venv", "--without-pip", str(folder)], capture_output=True, check=False)
        if made.returncode == 0:
            packages = folder / "lib" / name / "site-packages"
            (packages / "nox.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
            return [str(folder / "bin" / "python"), *NOX[1:]]
    pytest.skip(f"Python {OLDEST_FOR_NOX} is not here")


def test_nox_installs_also_where_it_runs_on_an_older_python(older_nox: list[str], tmp_path: Path) -> None:
    stack = "uvicorn"
    told = ("-s", f"bench-{stack}", "--", "--pythons", THIS_PYTHON, "--results", str(tmp_path / "r"), "--list")
    done = subprocess.run([*older_nox, *told], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Session env-{stack}-{THIS_PYTHON} was successful" in done.stdout + done.stderr


def test_a_mistyped_option_is_told_in_one_sentence() -> None:
    done = nox("-s", "matrix", "--", "--stacks", "uvicon")

    assert done.returncode == 1
    assert "Unknown stack or tag 'uvicon': did you mean uvicorn?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
