"""mod_wsgi in an Apache of its own: ``python -m launchers.mod_wsgi APPLICATION --folder DIR --port N ...``.

Apache does not serve as root. Where root measures, it runs as the user that the system has for that, with root's right
to read and write files: it sees what every other target sees, wherever Python and the application are.

All processes that Apache may have are there from the start and stay. By itself it adds and ends some with the load:
that costs time which belongs to no request, and a new process looks like one that was restarted.
"""

import argparse
import os
import pwd
import shutil
import sys
from pathlib import Path

from under_test.application import CALLABLE

WEB_USERS = ("www-data", "apache", "http", "_www", "nobody")
"""What systems call the user that serves pages; the first that is there is taken."""


def as_web_user() -> list[str]:
    """The beginning of a command that root runs as the web's user; ends this process where that cannot be done."""
    user = next((one for one in pwd.getpwall() if one.pw_name in WEB_USERS), None)
    setpriv = shutil.which("setpriv")
    if user is None or setpriv is None:
        sys.exit("Apache does not serve as root, and there is no other user or no setpriv for it: measure as a user.")
    who = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [setpriv, *who, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="launchers.mod_wsgi")
    parser.add_argument("application")
    parser.add_argument("--folder", type=Path, required=True, help="a private one, for its configuration")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    root = options.folder / f"{options.port}.apache"
    module, _, attribute = options.application.partition(":")
    command = [str(Path(sys.executable).with_name("mod_wsgi-express")), "start-server", module]
    command += ["--application-type", "module", "--callable-object", attribute or CALLABLE, "--host", "127.0.0.1"]
    command += ["--port", str(options.port), "--server-root", str(root), "--socket-prefix", str(options.folder)]
    command += ["--processes", "1", "--threads", str(options.threads), "--max-clients", str(2 * options.threads)]
    command += ["--server-backlog", str(options.backlog), "--daemon-backlog", str(options.backlog)]
    command += ["--initial-workers", "1", "--maximum-spare-workers", "1"]
    command += ["--log-to-terminal", "--startup-log", "--disable-reloading"]
    for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        command += ["--python-path", folder]
    if os.geteuid() == 0:
        command = [*as_web_user(), *command]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
