"""What tells a server from others, found in a process that is none."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from under_test import traits

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the system does not say")


def test_nothing_of_the_standard_library_is_a_trait() -> None:
    found = traits.find({})
    assert not {"sys", "json", "__main__", "socket.socket", "builtins.dict"} & {*found}
    assert "django.http" in found
    assert found == sorted(set(found))


def test_a_class_whose_module_is_no_name_is_no_trait() -> None:
    odd = type("Odd", (), {"__module__": property(lambda _: "odd")})()
    assert not [name for name in traits.classes() if "Odd" in name]
    assert odd


@pytest.mark.parametrize("option", [b"http-socket", "http-socket"])
def test_options_of_uwsgi_are_those_that_it_has_read(monkeypatch: pytest.MonkeyPatch, option: bytes | str) -> None:
    assert list(traits.uwsgi_options()) == []
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt={option: b"127.0.0.1:80"}))
    assert list(traits.uwsgi_options()) == ["uwsgi --http-socket"]


@ON_LINUX
def test_the_program_at_the_other_end_of_a_local_connection_is_a_trait() -> None:
    mine = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert list(traits.peers({"gunicorn.socket": ours})) == [f"peer {mine}"]


@ON_LINUX
def test_uwsgis_connection_is_asked_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(connection_fd=ours.fileno))
        assert len(list(traits.peers({}))) == 1
        theirs.sendall(b"still there")
        assert ours.recv(20) == b"still there"


def test_a_connection_by_tcp_or_none_tells_nothing() -> None:
    with socket.socket() as tcp:
        assert list(traits.peers({"gunicorn.socket": tcp})) == []
    assert list(traits.peers({})) == []


@ON_LINUX
def test_the_program_that_started_this_process_is_a_trait() -> None:
    name = Path(f"/proc/{os.getppid()}/comm").read_text(encoding="utf-8").strip()
    assert list(traits.parents()) == [f"parent {name}"]


def test_what_python_runs_as_a_module_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "starters").mkdir()
    (tmp_path / "starters" / "tiny.py").write_text("from under_test import traits\nprint(*traits.find({}))\n")
    source = Path(traits.__file__).parents[1]
    environment = {"PYTHONPATH": f"{source}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "starters.tiny"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert {"starters", "starters.tiny"} <= {*told}
    assert "__main__" not in told
