"""Segments that TCP had to send again, lost for real: by a filter that a socket of the test has."""

import ctypes
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

import psutil
import pytest

from stackmatrix.system import linux, processes
from stackmatrix.system.machine_meter import MachineMeter

type Wait = Callable[[Callable[[], object]], None]

on_linux = pytest.mark.skipif(not psutil.LINUX, reason="only Linux tells")

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
RETURN_NOTHING = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""One instruction of the classic packet filter, socket(7): keep no byte of any packet."""


def lose_everything(server: socket.socket) -> None:
    program = ctypes.create_string_buffer(RETURN_NOTHING)
    server.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def sent_again() -> int:
    count = linux.retransmissions()
    assert count is not None
    return count


# A full queue of any other server on this machine would be counted as well.
@pytest.mark.alone
@on_linux
def test_a_connection_request_that_is_lost_is_sent_again_and_counted_and_no_full_queue_is_blamed(
    wait_for: Wait,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        meter = MachineMeter((), (), {"target": [server.getsockname()[1]]})
        meter.open(())
        meter.begin()
        before = sent_again()
        lose_everything(server)
        client.setblocking(False)  # noqa: FBT003
        client.connect_ex(server.getsockname())
        wait_for(lambda: sent_again() > before)  # the kernel does so after a second
        server.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        meter.end()
        around = meter.close(())
    assert around.retransmitted is not None
    assert around.retransmitted >= 1
    assert around.target_drops == 0


# Alone in a network of its own: a server that takes its time to answer what came in two parts.
PROBED = """
import socket, subprocess, sys, time
from stackmatrix.system import linux
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
before = linux.retransmissions(), linux._counts("snmp", "Tcp")["RetransSegs"]
with socket.create_server(("127.0.0.1", 0)) as server:
    client = socket.create_connection(server.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    accepted = server.accept()[0]
    for _ in range(20):
        client.sendall(b"GET / HTTP/1.1\\r\\n")
        client.sendall(b"\\r\\n")
        time.sleep(0.06)
        accepted.recv(100)
        accepted.sendall(b"HTTP/1.1 200 OK\\r\\n")
        client.recv(100)
print(linux.retransmissions() - before[0], linux._counts("snmp", "Tcp")["RetransSegs"] - before[1])
"""


@on_linux
def test_a_probe_of_the_kernel_that_proves_needless_is_no_lost_segment() -> None:
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("ip") is None:
        pytest.skip("there are no tools for a network of the test's own")
    command, environment = [unshare, "--net", sys.executable, "-c", PROBED], processes.child_environment()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    if "unshare failed" in done.stderr:
        pytest.skip("this user may not make a network")
    lost, repeated = map(int, done.stdout.split())
    if repeated == 0:
        pytest.skip("this kernel did not probe")
    assert lost == 0


def test_counts_are_those_of_their_name_and_needless_probes_are_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "/proc/net/snmp": "Ip: Forwarding RetransSegs\nIp: 1 99\nTcp: InSegs RetransSegs\nTcp: 5 17\nUdp: A\nUdp: 1\n",
        "/proc/net/netstat": "TcpExt: ListenDrops TCPLossProbes TCPLossProbeRecovery\nTcpExt: 4 9 2\nIpExt: A\n",
    }
    monkeypatch.setattr(linux, "read", texts.get)
    assert (linux.retransmissions(), linux.listen_overflows()) == (17 - 9 + 2, 4)
    texts["/proc/net/netstat"] = None  # type: ignore[assignment]
    assert (linux.retransmissions(), linux.listen_overflows()) == (17, None)
    texts.clear()
    assert linux.retransmissions() is None
