"""Somebody's own application as people measure it: a small project on two real stacks, at the smoke profile."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from stackmatrix.errors import AppError
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.system.cores import divide_cores
from stackmatrix.system.processes import PROJECT, SOURCE
from tests.process import small_project
from under_test import application

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CHOSEN = (REFERENCE_STACK, next(stack.name for stack in STACKS.values() if stack.server == "uvicorn"))
NAME = "end-to-end-shop"
RESULTS = PROJECT / ".nox" / "smoke-results" / NAME
HIDDEN, SPY = "s3cr3t", "of the user alone"
"""A part of the application's secret that is the same however it is quoted, and a variable that no target sees."""
GIVEN = f" {HIDDEN}$x'\"é "
POLL_S = 0.05

FILE = f"""
name = "{NAME}"
install = ["django"]
secrets = ["TOKEN"]

[[request]]
path = "/"
weight = 3

[[request]]
path = "/mine/"
user = "ada"
expect = {{ contains = "ada" }}
"""


@dataclass
class Seen:
    """All that anybody could see of the processes of a run, and what targets were given, by their ids."""

    printed: str = ""
    code: int = 0
    command_lines: set[str] = field(default_factory=set)
    targets: dict[int, dict[str, str]] = field(default_factory=dict)

    def look(self, root: psutil.Process) -> None:
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):
                # A process becomes another program, so that one id has several.
                self.command_lines.add(" ".join(process.cmdline()))
                variables = process.environ()
                # What starts targets has their variables in a file; a server has them itself.
                if application.VARIABLE in variables:
                    self.targets[process.pid] = variables


def measure(folder: Path, log: Path, *more: str) -> Seen:
    command = [sys.executable, "-m", "stackmatrix", "run", "--app", str(folder)]
    command += ["--stacks", ",".join(CHOSEN), "--pythons", THIS_PYTHON, "--profile", "smoke", "--measure", "cost"]
    given = {**os.environ, "PYTHONPATH": str(SOURCE), "TOKEN": GIVEN, "SPY": SPY}
    seen = Seen()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*command, "--machine", "here", *more], env=given, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while child.poll() is None:
                seen.look(psutil.Process(child.pid))
                time.sleep(POLL_S)
        finally:
            if child.poll() is None:
                child.terminate()
            seen.code = child.wait()
    seen.printed = " ".join(log.read_text(encoding="utf-8").split())
    return seen


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project; its results and its environments are gone with the tests."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    yield small_project.make(tmp_path_factory.mktemp("shop"), FILE)
    shutil.rmtree(RESULTS, ignore_errors=True)
    for left in (PROJECT / ".nox").glob(f"app-{NAME}-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture(scope="module")
def seen(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The first run, of one page alone and of all together."""
    made = measure(shop, tmp_path_factory.mktemp("run") / "log", "--workload", "front,pages")
    assert made.code == 0, made.printed[-5000:]
    return made


def results() -> dict[tuple[str, str, str], dict[str, Any]]:
    """What was measured, by workload, stack and name of the file; all of it is below the application's name."""
    found = {}
    for path in RESULTS.glob("here/*/*/*.json"):
        *_, workload, stack, name = path.parts
        found[workload, stack, name] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.usefixtures("seen")
def test_every_stack_has_a_file_of_each_workload_and_so_have_the_controls() -> None:
    controls = [f"{THIS_PYTHON}.{name}.json" for name in ("twin", "planted")]
    assert set(results()) == {
        (workload, stack, name)
        for workload in ("front", "pages")
        for stack in CHOSEN
        for name in (f"{THIS_PYTHON}.json", *(controls if stack == REFERENCE_STACK else ()))
    }
    assert {one["status"]["state"] for one in results().values()} == {"ok"}


@pytest.mark.usefixtures("seen")
def test_each_file_has_the_hash_of_the_application_its_packages_and_no_foreign_ones() -> None:
    environments = [one["conditions"]["environment"] for one in results().values()]
    (sha256,) = {one["app_sha256"] for one in environments}
    assert len(sha256) == 64
    for one in environments:
        assert "django" in one["packages"]
        assert not {"httpx", "locust", "circus", "msgspec"} & set(one["packages"])


@pytest.mark.usefixtures("seen")
def test_the_cores_are_divided_as_for_the_built_in_site() -> None:
    roles = divide_cores().roles()
    expected = None if roles is None else {role: list(cores) for role, cores in roles.items()}
    assert [one["conditions"]["machine"]["pinning"] for one in results().values()] == [expected] * len(results())


@pytest.mark.usefixtures("seen")
def test_of_several_pages_it_is_counted_how_often_each_was_answered() -> None:
    answered = [(workload, one["cost"][0]["answered_by_page"]) for (workload, *_), one in results().items()]
    together = [counts for workload, counts in answered if workload == "pages"]
    assert [set(counts) for counts in together] == [{"/", "/mine/"}] * (len(CHOSEN) + 2)
    assert sum(counts["/"] for counts in together) > 0
    assert all(counts == {} for workload, counts in answered if workload == "front")


def test_a_target_has_the_secret_and_no_variable_of_the_user(seen: Seen) -> None:
    assert len(seen.targets) >= len(CHOSEN) + 2
    for variables in seen.targets.values():
        assert variables["TOKEN"] == GIVEN
        assert "SPY" not in variables
        assert SPY not in variables.values()
        assert not {"USER", "STACKMATRIX_UV"} & set(variables)
        assert variables["HOME"] != os.environ.get("HOME")


def test_the_secret_is_in_no_command_line_no_result_and_nothing_that_is_printed(seen: Seen) -> None:
    assert any("gunicorn" in line for line in seen.command_lines)
    assert not [line for line in seen.command_lines if HIDDEN in line]
    assert HIDDEN not in seen.printed
    written = [path for path in RESULTS.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if HIDDEN in path.read_text(encoding="utf-8")]
    assert all("TOKEN" in one["conditions"]["environment"]["variables"] for one in results().values())


def test_another_file_of_the_application_makes_other_evidence_and_it_is_said_before(
    shop: Path, seen: Seen, tmp_path: Path
) -> None:
    before = {key: one["conditions"]["environment"]["app_sha256"] for key, one in results().items()}
    assert "made under other conditions" not in seen.printed
    (shop / "mysite" / "new.py").write_text("NEW = True\n")
    again = measure(shop, tmp_path / "log", "--workload", "front")
    assert again.code == 0, again.printed[-5000:]
    assert "blocks were made under other conditions (the application). They are replaced by the first" in again.printed
    assert again.printed.count("under other conditions") == 1
    for key, one in results().items():
        changed = one["conditions"]["environment"]["app_sha256"] != before[key]
        assert changed == (key[0] == "front")
        assert len(one["cost"]) == 1


def test_an_application_whose_page_is_wrong_is_not_measured_and_told_how_to_see_it(tmp_path: Path) -> None:
    folder = small_project.make(tmp_path / "wrong", FILE.replace('"ada" }', '"bob" }'))
    told = measure(folder, tmp_path / "log", "--results", str(tmp_path / "results"))
    assert told.code == AppError.exit_code
    assert "lacks 'bob'" in told.printed
    assert f"Mend that first: nox -s check-app -- --app {folder / 'stackmatrix.toml'} shows each page." in told.printed
    assert "Traceback" not in told.printed
    assert not (tmp_path / "results").exists()
