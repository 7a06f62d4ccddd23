"""How many requests a second a small server can answer at most: the same few bytes over kept connections, uncounted.

Neither locust nor any other HTTP client written in Python can fill a server on uvloop; bare sockets can.
"""

import contextlib
import select
import socket
import time

CONNECTIONS = 32
ANSWER_BYTES = 65_536


def saturate(port: int, path: str, seconds: float) -> float:
    """Answers per second from 127.0.0.1, each connection asking again as soon as it is answered.

    Answers are counted by their status line, which has to be 200; a body may come in a packet of its own.

    Raises:
        OSError: when the server does not answer, or with anything else.

    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    poll = select.poll()
    answered = 0
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CONNECTIONS)]
        by_number = {one.fileno(): one for one in sockets}
        for number, one in by_number.items():
            poll.register(number, select.POLLIN)
            one.sendall(request)
        started_s = time.perf_counter()
        while (took_s := time.perf_counter() - started_s) < seconds:
            for number, _ in poll.poll(1000):
                answer = by_number[number].recv(ANSWER_BYTES)
                heads = answer.count(b"HTTP/1.1 ")
                if not answer or heads != answer.count(b"HTTP/1.1 200 "):
                    raise OSError(f"port {port} answered {answer[:60]!r}")
                answered += heads
                by_number[number].sendall(request * heads)
    return answered / took_s
