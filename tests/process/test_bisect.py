"""The package that costs is found in a real application: real environments of small packages, counted by callgrind."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stackmatrix.application import environments
from stackmatrix.commands import compare
from stackmatrix.commands.comparing import bisect, mixtures
from stackmatrix.commands.comparing.mixtures import SIDE
from stackmatrix.commands.comparing.side_by_side import Plan, make_plan
from stackmatrix.errors import AppError, CounterMissingError, UsageError
from stackmatrix.measurements.counts import counters
from stackmatrix.measurements.counts.counting import CountedLoad
from stackmatrix.results.bisection import Bisection, decode
from tests.process import small_project
from tests.process.small_packages import make_wheel, pack

needs_valgrind = pytest.mark.skipif(not shutil.which("vgdb"), reason="valgrind is not installed")

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
STACK = "uvicorn_h11"
"""Its packages are pure Python, so that a wheel of what is installed beside the tests is all that it needs."""
SERVED_BY = ("django", "asgiref", "sqlparse", "uvicorn", "click", "h11")
WORK = "def work():\n    return sum(number % 7 for number in range({}))\n"
LITTLE, MUCH = 100, 20_000
URLS = """import tiny_a, tiny_b, tiny_c
from django.http import HttpResponse
from django.urls import path

assert (tiny_a.VERSION == "1.0") or (tiny_b.VERSION != "3.0"), "tiny_a 2.0 and tiny_b 3.0 do not get on"


def index(request):
    return HttpResponse(f"<title>Shop</title>{tiny_a.work()} {tiny_b.work()} {tiny_c.work()}")


urlpatterns = [path("", index)]
"""
NAME = "bisected-shop"
FILE = f'name = "{NAME}"\npaths = ["/"]\nsetup = []\n'


@pytest.fixture(scope="module", autouse=True)
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All that uv finds: what serves, and three packages in two versions, of which tiny_b 2.0 alone burns much."""
    folder = tmp_path_factory.mktemp("packages")
    for name in SERVED_BY:
        pack(folder, name)
    for name, version, needs, turns in (
        ("tiny_a", "1.0", (), LITTLE), ("tiny_a", "2.0", (), LITTLE),
        ("tiny_b", "1.0", (), LITTLE), ("tiny_b", "2.0", ("tiny_c>=2",), MUCH), ("tiny_b", "3.0", (), MUCH),
        ("tiny_c", "1.0", (), LITTLE), ("tiny_c", "2.0", (), LITTLE),
    ):  # fmt: skip
        make_wheel(folder, name, version, needs, {}, "py3-none-any", WORK.format(turns))
    config = tmp_path_factory.mktemp("config") / "uv.toml"
    config.write_text(f'no-index = true\nfind-links = ["{folder}"]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CONFIG_FILE", str(config))
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """The application; its environments are gone with the test."""
    yield small_project.make(tmp_path / "shop", FILE, {"mysite/urls.py": URLS})
    for left in environments.FOLDER.glob(f"app-{NAME}-*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def pinned(shop: Path, name: str, a: str, b: str, c: str) -> None:
    pins = (f"tiny_a=={a}", f"tiny_b=={b}", f"tiny_c=={c}", "django")
    (shop / name).write_text("\n".join(pins))


def git(shop: Path, *words: str) -> str:
    somebody = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    return subprocess.run(["git", *somebody, *words], cwd=shop, check=True, capture_output=True, text=True).stdout


def commit(shop: Path, message: str) -> None:
    git(shop, "init", "--quiet")
    git(shop, "add", "--all")
    git(shop, "commit", "--quiet", "--message", message)


def planned(shop: Path, *words: str) -> tuple[argparse.Namespace, Plan]:
    """What these words of ``compare`` ask for."""
    parser = argparse.ArgumentParser()
    compare.add_sides(parser)
    compare.add_measuring(parser)
    bisect.add_bisect(parser)
    asked = ["--app", str(shop), "--stacks", STACK, "--pythons", THIS_PYTHON, "--bisect", *words]
    options = parser.parse_args([*asked, "--results", str(shop.parent / "comparisons")])
    options.command = "compare"
    return options, make_plan(options, *compare.words_of(options))


def bisected(shop: Path, *words: str) -> tuple[Bisection, str]:
    """What a bisection has written, and what it has said."""
    options, plan = planned(shop, *words)
    with (shop.parent / "said").open("w+") as said:
        assert bisect.execute(options, plan, Console(file=said, width=140)) == 0
        said.seek(0)
        told = said.read()
    return decode((compare.folder_of(options.results, plan) / bisect.FILE_NAME).read_bytes(), bisect.FILE_NAME), told


def left_behind() -> list[str]:
    return [one.name for one in environments.FOLDER.glob(f"app-{NAME}-{SIDE}*")]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few requests are enough to tell much from little."""
    monkeypatch.setattr(mixtures, "quick_loads_of", lambda *_: (CountedLoad(1, None, 3, 10),))


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was to be measured by time, in place of minutes of it: both lists."""
    asked: list[tuple[str, str]] = []

    def measure(options: argparse.Namespace, plan: Plan, *_: Any) -> None:
        assert options.measure == "cost"
        assert plan.base.file is not None
        assert plan.head.file is not None
        asked.append((plan.base.file.read_text(), plan.head.file.read_text()))
        raise AppError("It was not measured here.")

    monkeypatch.setattr(compare, "measure", measure)
    return asked


@needs_valgrind
def test_a_side_that_does_not_serve_its_pages_ends_it_in_one_sentence_and_leaves_nothing(shop: Path) -> None:
    pinned(shop, "old.txt", "1.0", "1.0", "1.0")
    pinned(shop, "new.txt", "2.0", "3.0", "2.0")
    with pytest.raises(AppError, match=r"^The head cannot be counted: .*do not get on"):
        bisected(shop, "--a", "old.txt", "--b", "new.txt")
    assert left_behind() == []


@needs_valgrind
def test_the_same_packages_twice_leave_nothing_to_bisect(shop: Path) -> None:
    for name in ("old.txt", "new.txt"):
        pinned(shop, name, "1.0", "1.0", "1.0")
    options, plan = planned(shop, "--a", "old.txt", "--b", "new.txt")
    with (shop.parent / "said").open("w+") as said:
        assert bisect.execute(options, plan, Console(file=said, width=140)) == 0
        said.seek(0)
        assert "there is nothing to bisect" in said.read()


def test_where_nothing_counts_and_where_no_packages_differ_it_is_refused_in_one_sentence(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(_: Path) -> None:
        raise CounterMissingError(counters.MISSING)

    monkeypatch.setattr(counters, "choose", choose)
    pinned(shop, "old.txt", "1.0", "1.0", "1.0")
    pinned(shop, "new.txt", "2.0", "2.0", "2.0")
    with pytest.raises(CounterMissingError, match=r"^--bisect goes by counted instructions"):
        bisected(shop, "--a", "old.txt", "--b", "new.txt")
    with pytest.raises(UsageError, match="do not differ in their packages"):
        bisected(shop, "--a", "uvicorn", "--b", STACK)
