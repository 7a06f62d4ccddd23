"""What the wrapper around an application costs a request, in instructions: next to nothing, under both interfaces."""

import re
import shutil
import subprocess
import sys

import pytest

from stackmatrix.system import processes

FEW, MANY = 1_000, 11_000
MOST = 5_000
"""Instructions of a request, where a page of Django without any call takes 1.8 million and more."""

ASK = """
import asyncio, sys
from under_test.around import asgi, wsgi
interface, wraps, requests = sys.argv[1], sys.argv[2] == "wrapped", int(sys.argv[3])

def plain_wsgi(environ, start_response):
    return ()

async def plain_asgi(scope, receive, send):
    return None

async def ask_asgi(application):
    scope = {"type": "http", "path": "/page/", "query_string": b""}
    for _ in range(requests):
        await application(scope, None, None)

if interface == "WSGI":
    application = wsgi(plain_wsgi) if wraps else plain_wsgi
    for _ in range(requests):
        application({"PATH_INFO": "/page/", "QUERY_STRING": ""}, None)
else:
    asyncio.run(ask_asgi(asgi(plain_asgi) if wraps else plain_asgi))
"""


def instructions(interface: str, kind: str, requests: int) -> int:
    """What a process executes that asks so many times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [sys.executable, "-c", ASK, interface, kind, str(requests)]
    environment = processes.child_environment(PYTHONHASHSEED="11")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind counts instructions")
@pytest.mark.parametrize("interface", ["WSGI", "ASGI"])
def test_the_wrapper_costs_a_request_next_to_nothing(interface: str) -> None:
    def of_one(kind: str) -> float:
        return (instructions(interface, kind, MANY) - instructions(interface, kind, FEW)) / (MANY - FEW)

    costs = of_one("wrapped") - of_one("plain")
    print(f"{interface}: {costs:.0f} instructions a request")
    assert 0 < costs < MOST
