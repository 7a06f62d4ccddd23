"""What starts a stack whose server has no command line for it: real servers, and what is left when they end."""

import itertools
import os
import pwd
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from launchers import behind_nginx, mod_wsgi
from stackmatrix.system import http, ports, processes
from under_test import application

Wait = Callable[[Callable[[], object]], None]

ECHO = """
import os, socketserver, sys
from http.server import BaseHTTPRequestHandler


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        names = ("Host", "X-Forwarded-For", "X-Forwarded-Proto")
        body = " ".join([self.path, *(self.headers[name] for name in names)]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "nginx"


socketserver.UnixStreamServer(sys.argv[1], Page).serve_forever()
"""
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:{behind_nginx.SYSTEM_FOLDERS}")
NEEDS_NGINX = pytest.mark.skipif(NGINX is None, reason="there is no nginx: apt install nginx-light")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts a launcher; returns its process. Everything is killed at the end."""
    children = []

    def run(*command: str) -> int:
        environment = processes.child_environment()
        environment["PYTHONPATH"] += f":{tmp_path}"
        child = processes.start(command, environment=environment, log=tmp_path / "child.log")
        children.append((child, psutil.Process(child.pid)))
        return child.pid

    yield run
    for child, _ in children:
        for process in processes.tree(child.pid)[1:]:
            process.kill()
        processes.stop(child, timeout_s=5)


def behind(port: int, folder: Path) -> tuple[str, ...]:
    (folder / "server.py").write_text(ECHO)
    socket = str(folder / f"{port}.sock")
    options = ("--port", str(port), "--backlog", "128", "--socket", socket, "--protocol", "http")
    launcher = (sys.executable, "-m", "launchers.behind_nginx", *options)
    return (*launcher, "--", sys.executable, str(folder / "server.py"), socket)


@NEEDS_NGINX
def test_a_server_behind_nginx_answers_by_its_port_and_is_told_who_asked(
    start: Callable[..., int], free_port: Callable[[], int], wait_for: Wait, tmp_path: Path
) -> None:
    port = free_port()
    start(*behind(port, tmp_path))
    wait_for(lambda: (answer := http.try_get(port, "/here/")) is not None and answer.status == 200)
    assert http.get(port, "/here/").body == f"/here/ 127.0.0.1:{port} 127.0.0.1 http"
    claimed = http.get(port, "/here/", {"X-Forwarded-Proto": "https"})
    assert claimed.body == f"/here/ 127.0.0.1:{port} 127.0.0.1 https"


@NEEDS_NGINX
@pytest.mark.skipif(sys.platform != "linux", reason="the system does not end a child with its parent")
def test_nginx_is_in_the_tree_of_the_server_and_ends_with_it(
    start: Callable[..., int], free_port: Callable[[], int], wait_for: Wait, tmp_path: Path
) -> None:
    port = free_port()
    pid = start(*behind(port, tmp_path))
    wait_for(lambda: http.try_get(port, "/"))
    tree = processes.tree(pid)
    nginx = [process for process in tree if process.name() == "nginx"]
    assert len(nginx) == 2
    assert "server.py" in " ".join(tree[0].cmdline())
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not any(processes.is_running(process.pid) for process in nginx))
    assert not ports.is_bound(port)


@NEEDS_NGINX
def test_a_server_that_does_not_start_leaves_no_nginx(
    start: Callable[..., int], free_port: Callable[[], int], wait_for: Wait, tmp_path: Path
) -> None:
    port = free_port()
    *command, _ = behind(port, tmp_path)
    pid = start(*command)  # the server lacks its socket's name
    wait_for(lambda: not processes.is_running(pid))
    wait_for(lambda: not ports.is_bound(port))
    assert "IndexError" in (tmp_path / "child.log").read_text()


@pytest.mark.parametrize(
    ("protocol", "passed"), [("http", "proxy_pass http://server;"), ("uwsgi", "uwsgi_pass server;")]
)
def test_nginx_listens_on_this_machine_only_and_speaks_the_servers_protocol(
    tmp_path: Path, protocol: str, passed: str
) -> None:
    text = behind_nginx.configure(tmp_path / "8000.sock", 8000, 2048, protocol).read_text()
    assert "listen 127.0.0.1:8000 backlog=2048;" in text
    assert passed in text
    assert "access_log off;" in text
    assert f"server unix:{tmp_path / '8000.sock'} fail_timeout=0;" in text
    assert ("user " in text.split("worker_processes", maxsplit=1)[0]) == (os.geteuid() == 0)


APPLICATION = """
import gevent.monkey

def application(environ, start_response):
    start_response("200 OK", [])
    return [str(gevent.monkey.is_module_patched("socket")).encode()]

another = application
"""


def test_gevents_own_server_serves_an_application_that_is_loaded_after_the_patch(
    start: Callable[..., int], free_port: Callable[[], int], wait_for: Wait, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(APPLICATION)
    port = free_port()
    options = ("--port", str(port), "--backlog", "128", "--greenlets", "10")
    start(sys.executable, "-m", "launchers.gevent_pywsgi", "shop", *options)
    wait_for(lambda: http.try_get(port, "/"))
    assert http.get(port, "/").body == "True"


def test_an_application_is_loaded_by_its_module_or_its_callable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made_up_shop.py").write_text("application, another = 1, 2")
    monkeypatch.syspath_prepend(tmp_path)
    assert application.named("made_up_shop") == 1
    assert application.named("made_up_shop:another") == 2


def test_apache_has_all_its_processes_from_the_start_and_ends_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _program, command: started.append(command))
    options = ("--folder", str(tmp_path), "--port", "8000", "--backlog", "128", "--threads", "10")
    monkeypatch.setattr(sys, "argv", ["launchers.mod_wsgi", "shop", *options])
    monkeypatch.setattr(mod_wsgi, "as_web_user", list)
    mod_wsgi.main()
    given = dict(itertools.pairwise(started[0]))
    assert (given["--processes"], given["--threads"]) == ("1", "10")
    # As shares of all that it may have; the least number of idle ones is the first of the two by default.
    assert (given["--initial-workers"], given["--maximum-spare-workers"]) == ("1", "1")


def test_root_serves_as_the_webs_user_with_the_right_to_read_files_or_says_why_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pwd, "getpwall", list)
    with pytest.raises(SystemExit, match="there is no other user"):
        mod_wsgi.as_web_user()
    nobody = type("User", (), {"pw_name": "nobody", "pw_uid": 65534, "pw_gid": 65534})()
    monkeypatch.setattr(pwd, "getpwall", lambda: [nobody])
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    command = mod_wsgi.as_web_user()
    assert command[:3] == ["/bin/setpriv", "--reuid=65534", "--regid=65534"]
    assert "--ambient-caps=+dac_override" in command
