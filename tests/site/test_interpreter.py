"""What interpreter runs a process, told from what each build is known to say of itself."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from under_test import interpreter

STATIC = """\
55d0-55d1 r--p 00000000 fe:00 11   /usr/bin/python3.13
55d1-55d2 r-xp 00000000 fe:00 11   /usr/bin/python3.13
7fee-7fef r-xp 00000000 fe:00 12   /usr/lib/libc.so.6
7ff0-7ff1 r-xp 00000000 00:00 0    [vdso]
"""
SHARED = STATIC + "7fe0-7fe1 r-xp 00086000 fe:00 13  /opt/py/lib/libpython3.13.so.1.0\n"
FREE_THREADED = STATIC + "7fe0-7fe1 r-xp 00086000 fe:00 13  /opt/py/lib/libpython3.13t.so.1.0\n"
ONLY_ITS_DATA = STATIC + "7fe0-7fe1 r--p 00086000 fe:00 13  /opt/py/lib/libpython3.13.so.1.0\n"
ONLY_THE_STABLE_INTERFACE = STATIC + "7fe0-7fe1 r-xp 00086000 fe:00 13  /opt/py/lib/libpython3.so\n"


@pytest.mark.parametrize(
    ("prefix", "is_standalone", "origin"),
    [
        ("/home/me/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu", False, "uv"),
        ("/anywhere", True, "uv"),
        ("/home/me/.pyenv/versions/3.13.0", False, "pyenv"),
        ("/opt/pyenv/versions/3.13.0", False, "pyenv"),
        ("/usr", False, "distribution"),
        ("/usr/local", False, "other"),
        ("/opt/python3.13t", False, "other"),
    ],
)
def test_who_built_it_is_known_by_what_it_says_and_where_it_is(
    prefix: str, *, is_standalone: bool, origin: str
) -> None:
    assert interpreter.origin_of(prefix, is_standalone=is_standalone) == origin


@pytest.mark.parametrize(
    ("flags", "origin", "told"),
    [
        (["--prefix=/x", "--with-lto"], "pyenv", True),
        (["--with-lto=thin"], "uv", True),
        (["--with-lto"], "distribution", True),
        (["--prefix=/x"], "pyenv", False),
        (["--with-lto=no"], "other", False),
        (["--with-lto-of-another-kind"], "other", False),
        ([], "distribution", None),  # Debian sets the same in another way
        (None, "other", None),
    ],
)
def test_a_build_was_configured_with_a_flag_or_not_or_does_not_tell(
    flags: list[str] | None, origin: str, *, told: bool | None
) -> None:
    assert interpreter.is_configured(flags, "--with-lto", origin) is told


@pytest.mark.parametrize(
    ("maps", "is_shared"),
    [
        (STATIC, False),
        (SHARED, True),
        (FREE_THREADED, True),
        (ONLY_ITS_DATA, False),
        (ONLY_THE_STABLE_INTERFACE, False),
    ],
)
def test_the_library_that_runs_is_the_one_whose_code_is_mapped(maps: str, *, is_shared: bool, tmp_path: Path) -> None:
    (tmp_path / "maps").write_text(maps, encoding="utf-8")
    assert interpreter.runs_shared_library(tmp_path / "maps") is is_shared


def test_where_the_system_does_not_show_what_is_mapped_it_is_unknown(tmp_path: Path) -> None:
    assert interpreter.runs_shared_library(tmp_path / "not there") is None


def test_no_path_is_told() -> None:
    told = json.dumps(interpreter.describe())
    assert "/" not in told
    assert sys.base_prefix not in told


def test_a_jit_is_on_or_off_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Jit:
        @staticmethod
        def is_enabled() -> bool:
            return True

    monkeypatch.setattr(sys, "_jit", Jit, raising=False)
    assert interpreter.describe()["jit"] is True
    monkeypatch.delattr(sys, "_jit")
    assert interpreter.describe()["jit"] is None


def configured(monkeypatch: pytest.MonkeyPatch, **variables: object) -> None:
    real = sysconfig.get_config_var
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: variables.get(name, real(name)))


RELEASE = {"CFLAGS": "-fno-strict-overflow -Wsign-compare -DNDEBUG -g -O3 -Wall", "Py_DEBUG": 0}


@pytest.mark.parametrize(
    ("flags", "variables", "told"),
    [
        ([], {}, []),
        (["--enable-optimizations", "--with-lto", "--with-assertions=no"], {}, []),
        (["--with-pydebug"], {"Py_DEBUG": 1, "CFLAGS": "-g -Og -Wall"}, ["a debug build"]),
        (["--with-assertions"], {}, ["assertions"]),
        (["--with-trace-refs", "--enable-pystats"], {}, ["a list of all objects", "statistics"]),
        (["--with-address-sanitizer", "--with-undefined-behavior-sanitizer"], {}, ["a sanitizer"]),
        ([], {"CFLAGS": "-O0 -pg --coverage"}, ["counters of coverage", "no optimisation"]),
        ([], {"CFLAGS": "-O0 -g -O2"}, []),
        ([], {"CFLAGS": ""}, []),
        ([], {"CFLAGS": None}, []),
    ],
)
def test_what_makes_a_build_slower_is_told(
    flags: list[str], variables: dict[str, object], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(sys, "gettotalrefcount", raising=False)
    configured(monkeypatch, **{**RELEASE, **variables})
    assert interpreter.built_in(flags) == told


TELL = "import {module}\nfrom under_test import interpreter\n{before}\nprint(*interpreter.switched_on(), sep=', ')"


@pytest.mark.parametrize(
    ("options", "before", "told"),
    [
        ((), "", ""),
        ((), "sys.settrace(lambda *_: None)", "a tracer"),
        ((), "import threading; threading.settrace(lambda *_: None)", "a tracer"),
        ((), "sys.setprofile(lambda *_: None)", "a profiler"),
        ((), "import tracemalloc; tracemalloc.start()", "tracemalloc"),
        (("-X", "dev"), "", "Python's development mode"),
        ((), "sys.monitoring.use_tool_id(1, 'coverage')", "the monitor coverage"),
    ],
)
def test_what_is_switched_on_and_makes_every_call_slower_is_told(
    options: tuple[str, ...], before: str, told: str
) -> None:
    command = [sys.executable, *options, "-c", TELL.format(module="sys", before=before)]
    environment = {"PYTHONPATH": str(Path(interpreter.__file__).parents[1])}
    assert subprocess.check_output(command, text=True, env=environment).strip() == told


def test_this_build_is_one_for_use() -> None:
    if hasattr(sys, "gettotalrefcount"):
        pytest.skip("this is a debug build")
    assert "a debug build" not in interpreter.describe()["slowed_by"]
