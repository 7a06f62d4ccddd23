"""What interpreter runs this process: between two Pythons lies more than a version.

Who built it, and how, moves figures as much as a release does; so the serving process itself is asked, which may run
another library than the ``python`` that stands beside it. Paths say who built it, and are not told.
"""

import platform
import re
import sys
import sysconfig
import threading
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

LOOP_TURNS = 100_000
"""Of a loop of pure Python: some milliseconds."""
LOOP_PIECES = 5
"""Whose median is told: single ones vary by a tenth and more on a virtual machine."""


def describe() -> dict[str, Any]:
    """The interpreter of this process, with the fields of :class:`stackmatrix.results.types.PythonBuild`."""
    is_standalone = bool(sysconfig.get_config_var("PYTHON_BUILD_STANDALONE")) or _built_for("/install")
    origin = origin_of(sys.base_prefix, is_standalone=is_standalone)
    arguments = sysconfig.get_config_var("CONFIG_ARGS")
    flags = None if arguments is None else re.findall(r"--[\w-]+(?:=[^\s']*)?", arguments)
    jit = getattr(sys, "_jit", None)
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "origin": origin,
        "pgo": is_configured(flags, "--enable-optimizations", origin),
        "lto": is_configured(flags, "--with-lto", origin),
        "shared": runs_shared_library(),
        "gil": bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
        "jit": None if jit is None else bool(jit.is_enabled()),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "slowed_by": [*built_in(flags or ()), *switched_on()],
    }


SLOW_FLAGS = {
    "--with-assertions": "assertions",
    "--with-trace-refs": "a list of all objects",
    "--enable-pystats": "statistics",
    "--with-address-sanitizer": "a sanitizer",
    "--with-memory-sanitizer": "a sanitizer",
    "--with-thread-sanitizer": "a sanitizer",
    "--with-undefined-behavior-sanitizer": "a sanitizer",
}
"""Of ``configure``: what a build has in it that only those who work on Python want."""
COUNTING = {"--coverage", "-fprofile-arcs", "-ftest-coverage", "-pg"}
"""Of the compiler: code that counts how often each part of the interpreter runs."""
UNOPTIMISED = {"-O0", "-Og"}


def built_in(flags: Sequence[str]) -> Sequence[str]:
    """What in the build makes it slower than one that is for use, by the flags that it was configured with."""
    options = str(sysconfig.get_config_var("CFLAGS") or "").split()
    is_debug = bool(sysconfig.get_config_var("Py_DEBUG")) or hasattr(sys, "gettotalrefcount")
    told = ["a debug build"] if is_debug else []
    told += [words for flag, words in SLOW_FLAGS.items() if is_configured(flags, flag, "")]
    told += ["counters of coverage"] if COUNTING & {*options} else []
    # The last one counts; a debug build has none or one of these, and was named.
    levels = [option for option in options if re.fullmatch(r"-O\w?", option)]
    told += ["no optimisation"] if levels and levels[-1] in UNOPTIMISED and not is_debug else []
    return list(dict.fromkeys(told))


def switched_on() -> Sequence[str]:
    """What is switched on in this process and thread, and makes every call slower: tracers, profilers, checks."""
    monitoring = getattr(sys, "monitoring", None)
    tools = [monitoring.get_tool(number) for number in range(MONITORS)] if monitoring is not None else []
    told = {
        "a tracer": sys.gettrace() is not None or threading.gettrace() is not None,
        "a profiler": sys.getprofile() is not None or threading.getprofile() is not None,
        "tracemalloc": tracemalloc.is_tracing(),
        "Python's development mode": sys.flags.dev_mode,
    }
    return [*(words for words, is_on in told.items() if is_on), *(f"the monitor {tool}" for tool in tools if tool)]


MONITORS = 6
"""Tools that may watch an interpreter at once, from Python 3.12 on."""


def _built_for(prefix: str) -> bool:
    return bool(sysconfig.get_config_var("prefix") == prefix)


def origin_of(base_prefix: str, *, is_standalone: bool) -> str:
    """Who built it: ``uv``, ``pyenv``, ``distribution`` or ``other``.

    uv installs the builds of python-build-standalone, which say so themselves; earlier ones kept the prefix
    ``/install`` that they were built for, or can be known by where uv puts them.
    """
    if is_standalone or "/uv/python/" in base_prefix:
        return "uv"
    if "pyenv/versions/" in base_prefix:
        return "pyenv"
    return "distribution" if base_prefix == "/usr" else "other"


def is_configured(flags: Sequence[str] | None, flag: str, origin: str) -> bool | None:
    """Whether it was configured with a flag; ``None`` where the build does not tell.

    A distribution may set the same in another way: Debian's builds are optimised, and were configured without it.
    """
    if flags is None:
        return None
    is_on = any(one.partition("=")[0] == flag and one.partition("=")[2] != "no" for one in flags)
    is_unknown = not is_on and origin == "distribution"
    return None if is_unknown else is_on


def runs_shared_library(maps: Path = Path("/proc/self/maps")) -> bool | None:
    """Whether the code that runs is that of a shared libpython, as it is mapped; ``None`` where the system hides it."""
    try:
        mapped = maps.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return bool(re.search(r"^\S+ ..x. .*/libpython\d+\.\d+[a-z]*\.so", mapped, re.MULTILINE))


def time_loop_ms() -> float:
    """Milliseconds that a fixed loop of pure Python takes here, the median of some. It keeps the process busy."""
    return median(_piece_ms() for _ in range(LOOP_PIECES))


def _piece_ms() -> float:
    started_s = time.perf_counter()
    turns = 0
    while turns < LOOP_TURNS:
        turns += 1
    return (time.perf_counter() - started_s) * 1000
