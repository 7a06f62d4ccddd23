"""A server with nginx before it: ``python -m launchers.behind_nginx --port N --socket PATH -- SERVER ...``.

This process becomes the server, which listens on the Unix socket, and nginx is its child: so their CPU time and memory
are found together, and SIGTERM meets the server, as when an application is deployed. On Linux the kernel ends nginx
with the server.
"""

import argparse
import ctypes
import grp
import os
import pwd
import shutil
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
"""Where nginx is installed, which is often not in the path of a user who is not root."""
CONNECTIONS = 8192
"""Of the one worker, to both sides: many more than are ever open at once."""

POLL_S = 0.01
"""Between looks for the server's socket."""

PASSES = {
    "http": """
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $claimed;
            proxy_redirect off;
            proxy_pass http://server;""",
    "uwsgi": """
            uwsgi_pass server;""",
}
"""How requests are handed on, as Gunicorn's and uWSGI's documentation have it for nginx.

But for the scheme: nginx is the front door of a site here, and is asked without TLS. Where a visitor says that he comes
by https, the server behind it is told so, as it is by an nginx that has taken the TLS away.
"""

# One worker for one process of the server. fail_timeout=0 asks the server again at once after a refused connection.
CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{
    worker_connections {connections};
}}
http {{
    access_log off;
    map $http_x_forwarded_proto $claimed {{
        https https;
        default $scheme;
    }}
    map $claimed $claimed_https {{
        https on;
        default "";
    }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_param QUERY_STRING $query_string;
    uwsgi_param REQUEST_METHOD $request_method;
    uwsgi_param CONTENT_TYPE $content_type;
    uwsgi_param CONTENT_LENGTH $content_length;
    uwsgi_param REQUEST_URI $request_uri;
    uwsgi_param PATH_INFO $document_uri;
    uwsgi_param SERVER_PROTOCOL $server_protocol;
    uwsgi_param REQUEST_SCHEME $claimed;
    uwsgi_param UWSGI_SCHEME $claimed;
    uwsgi_param HTTPS $claimed_https if_not_empty;
    uwsgi_param REMOTE_ADDR $remote_addr;
    uwsgi_param REMOTE_PORT $remote_port;
    uwsgi_param SERVER_PORT $server_port;
    uwsgi_param SERVER_NAME $server_name;
    upstream server {{
        server unix:{socket} fail_timeout=0;
    }}
    server {{
        listen 127.0.0.1:{port} backlog={backlog};
        location / {{{passes}
        }}
    }}
}}
"""


def configure(socket: Path, port: int, backlog: int, protocol: str) -> Path:
    """Write nginx's configuration into a folder of its own beside the socket; returns its path."""
    folder = socket.with_suffix(".nginx")
    folder.mkdir(mode=0o700, exist_ok=True)
    # As root, nginx would become another user, who cannot reach the socket: all targets run as whoever measures.
    is_root = os.geteuid() == 0
    user = f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name};" if is_root else ""
    places = {"user": user, "folder": folder, "socket": socket, "port": port, "backlog": backlog}
    text = CONFIGURATION.format(connections=CONNECTIONS, passes=PASSES[protocol], **places)
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    return path


def start_when_served(command: list[str], socket: Path) -> None:
    """Start nginx as a child of this process as soon as the server has its socket: before, it would answer for it."""
    server = os.getpid()
    if os.fork():
        return
    end_with_parent()
    while not socket.exists():
        if os.getppid() != server:
            os._exit(0)
        time.sleep(POLL_S)
    os.execv(command[0], command)


def end_with_parent() -> None:
    """Have the kernel end this process when the server has ended; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(prog="launchers.behind_nginx")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int, required=True)
    parser.add_argument("--socket", type=Path, required=True, help="where the server listens")
    parser.add_argument("--protocol", choices=tuple(PASSES), required=True, help="what the server is spoken to with")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}")
    if nginx is None:
        sys.exit("There is no nginx: install it (Debian, Ubuntu: apt install nginx-light; macOS: brew install nginx).")
    path = configure(options.socket, options.port, options.backlog, options.protocol)
    command = [nginx, "-p", str(path.parent), "-e", "stderr", "-c", str(path)]
    start_when_served(command, options.socket)
    os.execv(options.command[0], options.command)


if __name__ == "__main__":
    main()
