"""Sessions: dispatch only. What a stack is stands in ``src/stackmatrix/matrix/stacks/``, all else in the harness."""

import hashlib
import json
import os
import shutil
import sys
from functools import cache
from pathlib import Path

import nox.virtualenv

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "src"))

from stackmatrix.matrix import python_search  # noqa: E402
from stackmatrix.matrix.app import BUILT_IN  # noqa: E402
from stackmatrix.matrix.pythons import FREE_THREADED, PYTHONS  # noqa: E402
from stackmatrix.matrix.stacks import STACKS, Stack  # noqa: E402
from stackmatrix.system import environment, keep_errors  # noqa: E402

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "typing", "tests", "site_tests"]
# A Python that cannot be had is reported and left out, in CI too; the option makes it an error.
nox.options.error_on_missing_interpreters = "--fail-on-missing" in sys.argv
# Trying to download a Python takes seconds where there is no network: once per Python is enough.
nox.virtualenv.uv_install_python = cache(nox.virtualenv.uv_install_python)

REQUIREMENTS = ROOT / "requirements"
# What is built from source is told so: urllib3-future leaves urllib3 alone, and what compilers say is read, in English.
STAMP, BUILD = "stackmatrix.json", {"URLLIB3_NO_OVERRIDE": "1", "PYTHONPATH": "", "LC_ALL": "C"}
# The harness itself installs what no lock file has: overridden packages, and people's own applications.
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}") or "uv"
# Both end with this nox, however it ends: the harness, and the nox that it installs with.
HARNESS = {"PYTHONPATH": str(ROOT / "src"), "STACKMATRIX_UV": UV, "STACKMATRIX_NOX": str(os.getpid())}
HARNESS["STACKMATRIX_NOX_PYTHON"] = sys.executable
GUARD = str(ROOT / "src" / "stackmatrix" / "system" / "guard.py")
GUARDED = (sys.executable, "-P", GUARD, "--parent", str(os.getpid()), "--")
# A run that is interrupted stops its servers and writes what it has, which nox's own 0.3 s would cut short.
STOP_S = 60.0
environment.in_order(ROOT)
os.environ.update(python_search.plain_first(os.environ))

# One Python for the harness: the first of these that is here, else the first can be downloaded.
TOOL_PYTHON = next((python for python in ("3.13", "3.12", "3.14") if shutil.which(f"python{python}")), "3.13")


def install(session: nox.Session, name: str, **stamp: str) -> None:
    """Install a lock file, unless it was installed before; leave a stamp that tells so, or what was said of why not."""
    path, lock = Path(session.virtualenv.location) / STAMP, REQUIREMENTS / f"{name}.txt"
    told = {**stamp, "lock_sha256": hashlib.sha256(lock.read_bytes()).hexdigest()}
    if path.exists() and json.loads(path.read_text())["lock_sha256"] == told["lock_sha256"]:
        return
    path.unlink(missing_ok=True)
    command = [UV, "pip", "sync"] if session.venv_backend == "uv" else "python -m pip install --requirement".split()
    kept = [sys.executable, keep_errors.__file__, str(path.with_name("install.log"))]
    session.run_install(*kept, *command, str(lock), "--require-hashes", external=True, env=BUILD)
    path.write_text(json.dumps(told))


def harness(session: nox.Session, *arguments: str, silent: bool = False) -> str:
    """Run the harness in the tool environment; returns what it printed, if it is silent."""
    command = [str(session.cache_dir.parent / "tool" / "bin" / "python"), "-m", "stackmatrix", *arguments]
    # What is read is standard output alone: a loader may have its own words on the other.
    other = sys.stderr if silent else None
    return str(session.run(*command, env=HARNESS, external=True, silent=silent, stderr=other, interrupt_timeout=STOP_S))


@nox.session(python=TOOL_PYTHON, default=False)
def tool(session: nox.Session) -> None:
    """Install the tool environment: the harness's libraries, locust and circus."""
    install(session, "tool")


def add_environment(stack: Stack) -> None:
    """Make the session that installs one stack's environment, which others may share, on each Python."""

    def environment(session: nox.Session) -> None:
        install(session, stack.name, stack=stack.name, python=str(session.python))

    shared = sum(row.environment == stack.name for row in STACKS.values()) - 1
    environment.__doc__ = f"Install {stack.summary}{f', and what {shared} more share with it' if shared else ''}."
    pythons = [python for python in (*PYTHONS, *FREE_THREADED) if python not in stack.not_on]
    nox.session(name=f"env-{stack.name}", python=pythons, default=False)(environment)


def install_environments(session: nox.Session, sessions: list[str]) -> Path:
    """Run the named sessions, which only install; returns nox's report on them."""
    report = Path(session.create_tmp()).resolve() / "report.json"
    command = [sys.executable, "-m", "nox", "--noxfile", __file__, "--report", str(report), "--sessions", *sessions]
    session.run(*GUARDED, *command, external=True, success_codes=[0, 1], interrupt_timeout=STOP_S)
    return report


def add_verb(name: str, summary: str, *command: str, installs: bool = True) -> None:
    """Make a session that runs a verb of the harness, once the environments that it lists are installed."""

    def verb(session: nox.Session) -> None:
        arguments = [*(command or (name,)), *session.posargs]
        if "--stacks" in command and any(one.partition("=")[0] == "--stacks" for one in session.posargs):
            session.error("--stacks is for matrix: this session measures one stack.")
        if installs and "--help" not in arguments:  # what would stop a run is said when it lists what it needs
            wanted = harness(session, *arguments, "--list", silent=True).split()
            report = install_environments(session, wanted) if wanted else os.devnull
            arguments += ["--nox-report", str(report)]
        harness(session, *arguments)

    verb.__doc__ = summary
    nox.session(name=name, venv_backend="none", requires=["tool"], default=False)(verb)


# A list that people read is short: what only installs, on every Python, is called by the others.
IS_LISTING = {"-l", "--list", "--list-sessions"} & {*sys.argv}
for row in STACKS.values():
    if not IS_LISTING and row.shares_with is None:
        add_environment(row)
    but = "".join(f" but {python} ({why})" for python, why in row.not_on.items() if python in PYTHONS)
    add_verb(f"bench-{row.name}", f"Measure {row.summary}, on every Python{but}.", "run", "--stacks", row.name)
add_verb("doctor", "Say in seconds whether a run could begin here, and what it can decide.", installs=False)
add_verb("matrix", "Measure every chosen cell until everything is decided, and say the answer.", "run")
add_verb("compare", "Say what a change did: measure two of anything side by side, now.")
add_verb("gate", "The same, which fails when the change made something worse by more than is allowed.")
add_verb("serve", "Bring up the demo's stacks, or those named, to try by hand.", "serve", "--python", TOOL_PYTHON)
add_verb("check-app", "Bring your own application up, ask each page once, and say what to mend.", installs=False)
add_verb("calibrate", "Find out how good this machine is for benchmarking, and what limits it.", installs=False)
add_verb("stall", "Show why open-loop load matters: make docs/stall.md from a stall under both.", installs=False)
add_verb("summarize", "Make the pages and the report from the results, and print the answer.", installs=False)
add_verb("top", "Watch a uWSGI stack that serve has brought up, with uwsgitop.", installs=False)


@nox.session(python=TOOL_PYTHON)
def lint(session: nox.Session) -> None:
    """Check style and layout with ruff, and that packages import only what stands below them."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", env=HARNESS)


@nox.session(python=TOOL_PYTHON)
def typing(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    install(session, "dev")
    session.run("mypy", "--num-workers", "auto")


@nox.session(python=TOOL_PYTHON)
def tests(session: nox.Session) -> None:
    """Run the tests of the harness and the external API, and every stack end to end."""
    install(session, "dev")
    # Each file has one worker, those that take longest first; most wait, so that there are more workers than cores.
    folders = "tests/end_to_end tests/process tests/browser tests/api tests/unit".split()
    spread = ["--numprocesses", str((os.cpu_count() or 1) + 2), "--dist", "loadfile", "--no-loadscope-reorder"]
    parts = [[*folders, "-m", "not alone", *spread], ["tests/process", "tests/faults", "-m", "alone"]]
    for arguments in [session.posargs] if session.posargs else parts:
        session.run("pytest", *arguments, env=HARNESS, interrupt_timeout=STOP_S)


def long_tests(session: nox.Session) -> None:
    """Run tests that take minutes: selftest shows that checks catch faults, faults that runs survive them."""
    install(session, "dev")
    spread = ["--numprocesses", "3"] if session.name == "faults" else []  # runs that mostly wait, and time nothing
    session.run("pytest", f"tests/{session.name}", *spread, *session.posargs, env=HARNESS, interrupt_timeout=STOP_S)


for name in ("selftest", "faults"):
    nox.session(name=name, python=TOOL_PYTHON, default=False)(long_tests)


@nox.session(python=PYTHONS)
def site_tests(session: nox.Session) -> None:
    """Run the tests of the site under test, on every Python."""
    install(session, "site_tests")
    session.run("pytest", "tests/site", "--numprocesses", "auto", env=HARNESS)


@nox.session(python=TOOL_PYTHON, default=False)
def lock(session: nox.Session) -> None:
    """Write the lock files in requirements/, and the schemas of results; ``-- --upgrade`` takes newer releases."""
    session.install("uv")
    command = "uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --no-annotate".split()
    command += ["--emit-build-options", "--quiet", "--python-version", PYTHONS[0], *session.posargs]
    for stack in (row for row in STACKS.values() if row.shares_with is None):
        source = Path(session.create_tmp()) / f"{stack.name}.in"
        built = (f"--no-binary {name}" for name in BUILT_IN.from_source)
        source.write_text("\n".join((*built, *BUILT_IN.requirements, *stack.requirements)))
        target = REQUIREMENTS / f"{stack.name}.txt"
        if not target.exists():  # a new stack gets the versions that the others have
            shutil.copy(next(REQUIREMENTS.glob(f"{next(iter(STACKS))}.txt")), target)
        session.run(*command, str(source), "--output-file", str(target))
    for source in sorted(REQUIREMENTS.glob("*.in")):
        session.run(*command, str(source), "--output-file", str(source.with_suffix(".txt")))
    session.install("--require-hashes", "--requirement", str(REQUIREMENTS / "tool.txt"))
    session.run("python", "-m", "stackmatrix", "schema", env=HARNESS)
