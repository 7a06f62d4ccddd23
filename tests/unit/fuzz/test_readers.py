"""What other processes, people and the kernel say is understood, or left out; never is it the end of a run."""

import argparse
import contextlib
import json
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slow_api.figures import ApiFigures
from stackmatrix.analysis import callgrind
from stackmatrix.analysis.exceptions import name_all
from stackmatrix.analysis.level.requests import decode_rows
from stackmatrix.application import poetry, secret, sources, uv_messages
from stackmatrix.application.failures import Failure
from stackmatrix.commands import options
from stackmatrix.errors import StackmatrixError
from stackmatrix.load import protocol
from stackmatrix.matrix import app_file
from stackmatrix.matrix.cells import choose_stacks
from stackmatrix.matrix.ladder import parse_ladder
from stackmatrix.matrix.pages import Expectation, Likeness
from stackmatrix.matrix.pythons import Runtime, parse_overrides, python_key
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.measurements.counts import counters
from stackmatrix.system import cgroup, cores, foreign, host, linux, logs, ports, processor
from stackmatrix.system.http import Answer
from stackmatrix.system.processes import PROJECT
from stackmatrix.testbed import environments, external_api, identities, raised
from tests import hostile
from tests.hostile import fuzzed, survives
from under_test.identity import Identity
from under_test.raised import Raised

EXAMPLES = sorted((PROJECT / "examples").glob("*/stackmatrix.toml"))
WRITTEN = [path.read_bytes() for path in EXAMPLES]


@contextmanager
def file_of(data: bytes, name: str = "stackmatrix.toml") -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


@fuzzed(60)
@given(st.one_of(*(hostile.spoilt(tomllib.loads(data.decode())) for data in WRITTEN)))
def test_an_apps_file_that_says_what_cannot_be(content: dict[str, Any]) -> None:
    if isinstance(content, dict):
        survives(lambda: app_file.of(EXAMPLES[0], content))


@fuzzed(30)
@given(st.one_of(hostile.noise, *map(hostile.cut, WRITTEN)))
def test_an_apps_file_that_is_cut_or_of_which_bytes_have_changed(data: bytes) -> None:
    with file_of(data) as path:
        survives(lambda: app_file.read(path))


@fuzzed(20)
@given(hostile.noise)
def test_an_env_file_of_any_bytes_is_read(data: bytes) -> None:
    with file_of(data, ".env") as path:
        survives(lambda: secret._read(path))


LOCK = {
    "package": [
        {"name": "django", "version": "5.2", "source": {"type": "git", "url": "https://x", "resolved_reference": "a"}},
        {"name": "httpx", "version": "0.28", "markers": {"main": "python_version >= '3.12'"}},
    ]
}
PYPROJECT = {
    "project": {"name": "shop", "dependencies": ["django>=5"], "optional-dependencies": {"s3": ["boto3"]}},
    "dependency-groups": {"prod": ["gunicorn", {"include-group": "base"}], "base": []},
    "tool": {
        "poetry": {
            "dependencies": {"python": "^3.12", "django": {"version": "^5", "extras": ["argon2"], "python": ">=3.12"}},
            "source": [{"url": "https://index"}],
            "group": {"dev": {"dependencies": {"ruff": "*"}}},
        }
    },
}


@fuzzed(40)
@given(hostile.spoilt(LOCK), hostile.spoilt(PYPROJECT))
def test_a_poetry_project_that_somebody_has_changed(lock: Any, project: Any) -> None:
    with patch.object(poetry, "read_toml", lambda path: lock if path.name == "poetry.lock" else project):
        survives(lambda: poetry.read_lock(Path("/shop"), ["prod", "dev"], ["s3"]))


@fuzzed(30)
@given(hostile.spoilt(PYPROJECT))
def test_pythons_of_a_pyproject_that_somebody_has_changed(project: Any) -> None:
    with file_of(b"", "pyproject.toml") as path, patch.object(sources, "read_toml", lambda _: project):
        survives(lambda: sources.pythons_allowed(path.parent, ("3.12", "3.13")))


@fuzzed(30)
@given(st.one_of(hostile.noise, *map(hostile.cut, WRITTEN)))
def test_requirements_of_any_bytes_are_read(data: bytes) -> None:
    with file_of(data + b"\n-r stackmatrix.toml\n-r /nowhere", "stackmatrix.toml") as path:
        survives(lambda: list(sources._index_lines(path)))


@fuzzed(30)
@given(hostile.texts, hostile.texts)
def test_what_uv_or_a_step_prints_is_explained(said: str, more: str) -> None:
    hostile.need_text(uv_messages.explain(f"{said}\n{more}").sentence, allowed="".join(set(said + more)) + "\n")
    Failure.of_log(f"Traceback (most recent call last):\n  {said}\n{more}")


@fuzzed(60)
@given(hostile.texts, hostile.texts, hostile.texts, st.one_of(hostile.texts, hostile.values.map(json.dumps)))
def test_a_page_of_any_bytes_is_right_or_said_not_to_be(kind: str, location: str, body: str, wanted: str) -> None:
    like = Likeness.of(kind, f"<title>{body}</title>")
    headers = {"content-type": kind, "location": location}
    for expect in (
        Expectation(like=like, location=location),
        Expectation(json=(("a.0.b", wanted),), contains=(wanted,)),
        Expectation(json=(("a", 1),)),
    ):
        why = expect.why_wrong(200, headers, wanted)
        if why is not None and why.startswith("is "):
            hostile.need_text(why)


def test_a_title_is_found_in_a_page_that_begins_a_million_of_them() -> None:
    """A pattern would look on from each of them to the end."""
    body = "<title" * 1_000_000
    assert Likeness.of("text/html", body).title is None
    assert Likeness.of("text/html", "<TITLE lang=de>\n a </title><title>b</title>").title == "a"


IDENTITY = asdict(
    Identity(
        python={
            "version": "3.13.1", "implementation": "CPython", "compiler": "GCC", "origin": "uv", "pgo": True,
            "lto": None, "shared": False, "gil": True, "jit": None,
        },
        traits=["gunicorn"], interface="WSGI", event_loop=None, pid=1, waits_with="threads", monkey_patched=False,
        threads=3, packages={"django": "5.2"}, loop_ms=1.0,
    )
)  # fmt: skip


@fuzzed(40)
@given(st.one_of(hostile.spoilt(IDENTITY).map(json.dumps), hostile.noise.map(lambda data: data.decode("latin-1"))))
def test_what_a_target_says_of_itself_is_understood_or_nothing(body: str) -> None:
    found = identities.read(Answer(200, body, 1.0))
    assert found is None or isinstance(found.packages, dict)
    assert identities.read_pid(Answer(200, body, 1.0)) is None or '"pid"' in body


FIGURES = ApiFigures(1, 1, 0, 0, 1, 1.0, 1.0, 0.1, 0.1, 0.25, {"0": 1}, {"3": 1}, {"3": 1})


@fuzzed(30)
@given(
    st.one_of(hostile.spoilt(asdict(FIGURES)).map(json.dumps), hostile.noise.map(lambda data: data.decode("latin-1")))
)
def test_what_the_external_api_says_is_understood_or_nothing(body: str) -> None:
    found = external_api._decode(Answer(200, body, 1.0), ApiFigures)
    assert found is None or isinstance(found.calls_started, int)


@fuzzed(40)
@given(st.one_of(hostile.noise, hostile.cut(protocol.encode(protocol.Done(1, 2, 3, [[0, "a"]])))))
def test_a_message_of_the_generator_is_one_or_an_error(line: bytes) -> None:
    try:
        protocol.decode(line)
    except ValueError:
        return


@fuzzed(20)
@given(hostile.noise)
def test_rows_of_any_bytes_are_read(data: bytes) -> None:
    assert len(decode_rows(data)) <= len(data)


LINE = Raised("OperationalError", "database is locked", "shop/views.py, line 3", ("base.py",)).to_line()


@fuzzed(40)
@given(st.lists(st.one_of(hostile.noise, hostile.cut(LINE), st.just(LINE)), max_size=4))
def test_what_an_application_raised_is_understood_or_left_out(lines: list[bytes]) -> None:
    found = name_all(raised._read(lines))
    assert found or LINE not in lines


@fuzzed(60)
@given(st.lists(st.one_of(hostile.noise, hostile.texts.map(str.encode)), max_size=6))
def test_the_end_of_any_log_is_one_printable_line(parts: list[bytes]) -> None:
    with file_of(b"\n".join(parts), "target.log") as path:
        said = logs.explain(path)
        hostile.need_text(said, allowed="")
        assert len(said) <= logs.LONGEST_REASON
        assert logs.most_raised(path) >= 0


DUMP = "fn=(1) main\n1 100\ncfn=(2) other\ncalls=1 1\n1 50\nfn=(2)\n2 50\ntotals: 150\n"


@fuzzed(40)
@given(st.one_of(hostile.texts, hostile.cut(DUMP.encode()).map(lambda data: data.decode("latin-1"))))
def test_figures_of_callgrind_are_understood_or_an_error(dump: str) -> None:
    try:
        callgrind.parse(dump.split("\n"))
    except ValueError:
        return


@fuzzed(30)
@given(st.one_of(hostile.noise, hostile.cut(b"12345,,instructions:u,100,100.00,,\n")))
def test_figures_of_perf_are_a_number_or_none(data: bytes) -> None:
    with file_of(data, "perf.csv") as path:
        counted = counters._read_perf(path)
        assert counted is None or counted >= 0


GROUP = [cgroup.Group(Path("/a"), is_own=True)]
KERNEL: dict[str, Callable[[], object]] = {
    "core times": linux.core_times,
    "ports": linux.used_ports,
    "retransmissions": linux.retransmissions,
    "overflows": linux.listen_overflows,
    "memory": lambda: linux.pss_bytes(1),
    "files": lambda: linux.open_files_limit(1),
    "groups": lambda: cgroup.quota_cores(cgroup.groups_of([1])),
    "events": lambda: cgroup.read_events(cgroup.groups_of([1])),
    "quota": lambda: cgroup.quota_cores(GROUP),
    "counts": lambda: cgroup.read_events(GROUP),
    "tasks": lambda: cgroup.tasks(GROUP),
    "memories": lambda: cgroup.memories(GROUP),
    "siblings": lambda: cores._siblings(0),
    "backlog": ports.allowed_backlog,
    "processor": processor.cpu_model,
    "stepping": processor.cpu_id,
    "accounts": lambda: foreign.snapshot([]),
}
SAID = b"""cpu0 1 2 3 4 5 6 7 8 9 10
TCP: inuse 5 orphan 0 tw 2 alloc 8 mem 1
32768 60999
Tcp: RtoAlgorithm RetransSegs
Tcp: 1 7
TcpExt: ListenDrops TCPLossProbes
TcpExt: 3 4
Pss:   1234 kB
Max open files            1024                 524288               files
0::/user.slice
36 35 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw
100000 100000
0-1,4
4096
model name : AMD
1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 33 1 1
"""
NUMBERS = st.sampled_from(["7", "-7", "²", "9" * 5000, "٣"]).flatmap(
    lambda n: st.sampled_from([n, f"{n} {n}", f"max {n}", f"nr_throttled {n}", f"inactive_file {n}", f"oom_kill {n}"])
).map(str.encode)  # fmt: skip


@pytest.mark.parametrize("name", KERNEL)
@fuzzed(12)
@given(said=st.one_of(hostile.cut(SAID), hostile.noise, NUMBERS))
def test_whatever_the_kernel_says_is_understood_or_unknown(name: str, said: bytes) -> None:
    def read(_: str) -> str:
        return said.decode(errors="replace")

    modules = [patch.object(module, "read", read) for module in (linux, cgroup, cores, ports, host, foreign)]
    for one in modules:
        one.start()
    try:
        KERNEL[name]()
    finally:
        for one in modules:
            one.stop()


GIVEN: dict[str, Callable[[str], object]] = {
    "users": lambda text: parse_ladder("closed", text),
    "rates": lambda text: parse_ladder("open", text),
    "stacks": lambda text: choose_stacks(text, STACKS),
    "with": parse_overrides,
    "machine": lambda text: options.machine_name(argparse.Namespace(machine=text)),
    "seconds": options.seconds,
    "minutes": options.minutes,
    "blocks": options.block_count,
    "seed": options.seed,
}


@pytest.mark.parametrize("name", GIVEN)
@fuzzed(25)
@given(text=st.one_of(hostile.texts, hostile.numbers.map(str), st.just("9" * 5000)))
def test_a_line_that_people_give_is_understood_or_refused(name: str, text: str) -> None:
    with contextlib.suppress(StackmatrixError, argparse.ArgumentTypeError):
        GIVEN[name](text)


@fuzzed(40)
@given(hostile.texts)
def test_any_place_on_the_axis_of_pythons_has_a_name_and_an_order(place: str) -> None:
    assert isinstance(Runtime.of(place).file_name, str)
    assert python_key(place) <= python_key(place)


@fuzzed(25)
@given(
    st.one_of(hostile.noise, hostile.spoilt({"stack": "a", "python": "3.13", "lock_sha256": "b"}).map(hostile.as_json))
)
def test_a_stamp_of_any_bytes_is_an_environment_or_none(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "env" / environments.STAMP
        path.parent.mkdir()
        path.write_bytes(data)
        assert environments.installed(Path(name)) == {}


@fuzzed(25)
@given(
    st.one_of(
        hostile.noise, hostile.spoilt({"sessions": [{"signatures": ["a"], "result": "failed"}]}).map(hostile.as_json)
    )
)
def test_a_report_of_nox_of_any_bytes_says_something_or_nothing(data: bytes) -> None:
    with file_of(data, "report.json") as path:
        for name, outcome in environments._read_report(path).items():
            assert isinstance(name, str)
            assert isinstance(outcome, str)
