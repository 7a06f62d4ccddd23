"""The null target and the bare sockets: a correct page never too early, and every answer counted once."""

import re
import socket
import sys
from collections.abc import Callable

import pytest

from stackmatrix.load.saturate import saturate
from stackmatrix.matrix.workloads import COUNTRIES_PAGE
from stackmatrix.system import http


@pytest.fixture
def null_port(
    start_child: Callable[..., object], free_port: Callable[[], int], wait_for: Callable[[Callable[[], object]], None]
) -> int:
    port = free_port()
    start_child((sys.executable, "-m", "null_target", "--port", str(port)))
    wait_for(lambda: http.try_get(port, "/0/"))
    return port


@pytest.mark.parametrize(("path", "least_ms"), [("/", 600), ("/0/", 0), ("/150/", 150), ("/shared-client/", 600)])
def test_its_page_is_correct_and_never_comes_too_early(null_port: int, path: str, least_ms: int) -> None:
    answer = http.get(null_port, path)
    assert answer.status == 200
    assert re.fullmatch(COUNTRIES_PAGE, answer.body)
    assert answer.took_ms >= least_ms


def test_a_request_in_pieces_and_two_in_one_packet_are_each_answered_once(null_port: int) -> None:
    request = b"GET /0/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", null_port)) as client:
        client.sendall(request[:20])
        client.sendall(request[20:] + request + request[:10])
        received = b""
        while received.count(b"It took 0.600 s.</p>\n") < 2:
            received += client.recv(65_536)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
    assert received.count(b"HTTP/1.1 200 OK") == 2


def test_bare_sockets_count_what_the_external_api_has_seen(api_port: int) -> None:
    before = http.get(api_port, "/stats/").json()["calls_started"]
    rps = saturate(api_port, "/0/", 0.5)
    seen = http.get(api_port, "/stats/").json()["calls_started"] - before
    # The last request of each connection was asked and not waited for.
    assert 32 < seen - 32 <= rps * 0.5 * 2
    assert rps > 0


def test_an_answer_that_is_none_ends_the_count(api_port: int) -> None:
    with pytest.raises(OSError, match="404"):
        saturate(api_port, "/nothing/", 0.5)
