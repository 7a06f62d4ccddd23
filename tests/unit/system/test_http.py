"""Small untimed requests: what cannot be sent is told like what was not answered; nothing is waited for for ever."""

import contextlib
import http.client
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stackmatrix.system.http import ask, read_body


@pytest.mark.parametrize("value", ["a\nb", "\u20ac"])
def test_a_header_that_cannot_be_sent_is_an_error_of_http(value: str) -> None:
    with pytest.raises(http.client.HTTPException, match="it cannot be sent: "):
        ask(1, "GET", "/", {"Cookie": value})


@contextmanager
def server(*parts: bytes, pause_s: float = 0.0, again: bool = False) -> Iterator[int]:
    """Answers one request with these parts, the last one ``again`` and again; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            connected, _ = listener.accept()
            with connected:
                connected.recv(65_536)
                for part in itertools.chain(parts, itertools.repeat(parts[-1]) if again else ()):
                    connected.sendall(part)
                    time.sleep(pause_s)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        thread.join(10)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
MEGABYTE = b"x" * 2**20


@pytest.mark.parametrize(
    "begins",
    [
        pytest.param(HEAD + b"\r\n", id="until it closes"),
        pytest.param(HEAD + b"Content-Length: 999999999999999\r\n\r\n", id="a length of a petabyte"),
        pytest.param(HEAD + b"Content-Length: -5\r\n\r\n", id="a negative length"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", id="a chunk of terabytes"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", id="a chunk of a negative length"),
    ],
)
def test_a_page_without_an_end_is_left_when_it_is_too_large(begins: bytes) -> None:
    with (
        server(begins, MEGABYTE, again=True) as port,
        pytest.raises(http.client.HTTPException, match="more than 32,000,000 bytes"),
    ):
        ask(port, "GET", "/")


@pytest.mark.parametrize(
    ("begins", "drop"),
    [
        pytest.param(HEAD + b"\r\n", b"x", id="body"),
        pytest.param(HEAD, b"X-A: b\r\n", id="headers"),
        pytest.param(HEAD + b"X-Long: ", b"x", id="one header"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", id="more to come"),
    ],
)
def test_an_answer_that_comes_byte_by_byte_for_ever_is_waited_for_no_longer_than_any(
    begins: bytes, drop: bytes
) -> None:
    with server(begins, drop, pause_s=0.02, again=True) as port, pytest.raises(TimeoutError, match=r"within 0\.5 s"):
        ask(port, "GET", "/", timeout_s=0.5)


def test_a_page_that_is_cut_short_is_no_page() -> None:
    with server(HEAD + b"Content-Length: 10\r\n\r\n12345") as port, pytest.raises(http.client.IncompleteRead):
        ask(port, "GET", "/")


def test_bytes_that_are_no_text_are_replaced_and_json_that_is_none_is_a_value_error() -> None:
    with server(HEAD + b"Content-Length: 3\r\n\r\n\xff[[") as port:
        answer = ask(port, "GET", "/")
    assert answer.body == "\ufffd[["
    with pytest.raises(ValueError, match=r"[a-z]"):
        answer.json()


def test_a_connection_is_asked_again_when_its_page_was_read() -> None:
    page = HEAD + b"Content-Length: 2\r\n\r\nab"
    with server(page, page, pause_s=0.1) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for _ in range(2):
            connection.request("GET", "/")
            assert read_body(connection.getresponse()) == "ab"
        connection.close()
