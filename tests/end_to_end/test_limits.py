"""What limits somebody's own application under load is named by a run: in its file, and on the terminal meanwhile."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stackmatrix import cli
from stackmatrix.application import postgres
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS
from stackmatrix.system.processes import PROJECT
from tests.process import small_project

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ASGI = next(stack.name for stack in STACKS.values() if stack.server == "uvicorn")
NAME = "limited-shop"
FEW = 8
"""Connections that PostgreSQL allows."""
USERS = 12

URLS = small_project.URLS.replace(
    "urlpatterns = [",
    """
def sell(request):
    from django.db import transaction

    with transaction.atomic():
        sold = Group.objects.count()
        time.sleep(0.05)
        Group.objects.create(name=request.body.decode())
    return JsonResponse({"sold": sold})


def stock(request):
    time.sleep(0.05)
    return HttpResponse(f"{Group.objects.count()} sold")


urlpatterns = [path("sell/", sell), path("stock/", stock), """,
).replace("import urllib.request", "import time\nimport urllib.request")
SQLITE = """
install = ["django"]
[override.DATABASES.default.OPTIONS]
timeout = 0.1

"""
STOCK = '[[request]]\npath = "/stock/"\nexpect = { contains = "sold", like = false }\n'
SELL = '[[request]]\npath = "/sell/"\njson = { n = "{n}" }\nexpect = { contains = "sold", like = false }\n'
POSTGRES = (
    """
install = ["django", "psycopg[binary]"]
services = ["postgres"]

[override.DATABASES.default]
ENGINE = "django.db.backends.postgresql"
NAME = "{postgres.name}"
HOST = "{postgres.host}"
PORT = "{postgres.port}"
USER = "{postgres.user}"
PASSWORD = "{postgres.password}"
CONN_MAX_AGE = 60

"""
    + STOCK
)

type Run = Callable[[str, str], tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Measures the project with this file by one short level on a stack; returns what was printed."""

    def measure(file: str, stack: str) -> tuple[int, str]:
        folder = small_project.make(tmp_path / "shop", f'name = "{NAME}"\n{file}', {"mysite/urls.py": URLS})
        asked = ["run", "--app", str(folder), "--stacks", stack, "--pythons", THIS_PYTHON]
        asked += [
            "--profile",
            "smoke",
            "--measure",
            "ladder",
            "--users",
            str(USERS),
            "--window",
            "2",
            "--warmup",
            "0.5",
        ]
        code = cli.main([*asked, "--machine", "here", "--results", str(tmp_path / "results")])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return measure


@pytest.fixture(scope="module", autouse=True)
def environments() -> Iterator[None]:
    """They are gone with the tests."""
    yield
    for left in (PROJECT / ".nox").glob(f"app-{NAME}-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def found(folder: Path, stack: str) -> dict[str, str]:
    """The sentences of a stack's level by their codes."""
    (path,) = (folder / "results" / NAME / "here").glob(f"*/{stack}/*.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {one["code"]: one["sentence"] for one in content["ladders"][0]["levels"][0]["findings"]}


def test_a_locked_sqlite_is_named_with_its_remedy(run: Run, tmp_path: Path) -> None:
    code, printed = run(SQLITE + STOCK + SELL, REFERENCE_STACK)
    assert code == 0, printed
    sentence = found(tmp_path, REFERENCE_STACK)["database-locked"]
    assert sentence.startswith("Requests raised OperationalError: SQLite was locked by another writer. Add [override")
    (line,) = [line for line in printed.splitlines() if "ladder 1: " in line]
    assert sentence in line
    assert "Note: SQLite is likely to be locked by another writer." in printed


def test_used_up_connections_are_named_by_why_they_are_used_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "MOST_CONNECTIONS", FEW)
    code, printed = run(POSTGRES, ASGI)
    assert code == 0, printed
    kept = "CONN_MAX_AGE is 60, and under ASGI every request's connection stays: "
    refused = f"PostgreSQL refused connections. {kept}"
    assert found(tmp_path, ASGI)["kept-connections"].startswith(refused)
    before, _, meanwhile = printed.partition("A page takes")
    assert before.count(f"Note: {kept}") == 1
    assert meanwhile.count(refused) == 1
