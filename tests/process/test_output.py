"""Output that goes nowhere: a program that prints goes on, and says nothing of it."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from stackmatrix.system.processes import SOURCE

PRINTS = """
import sys
from pathlib import Path
from stackmatrix.system import output
output.tolerate_loss()
is_terminal = sys.stdout.isatty()
print("begun", flush=True)
sys.stdin.readline()
for number in range(1_000):
    print(number, flush=True)
    print(number, file=sys.stderr)
Path(sys.argv[1]).write_text(f"{sys.stdout.encoding} {is_terminal}")
"""


@pytest.mark.parametrize("to", ["a pipe that nobody reads", "a terminal that is closed", "a full disk", "a file"])
def test_what_cannot_be_printed_is_left_out_and_the_program_ends_as_it_would(tmp_path: Path, to: str) -> None:
    reads, writes = (-1, os.open("/dev/full" if to == "a full disk" else tmp_path / "out", os.O_CREAT | os.O_WRONLY))
    if to == "a pipe that nobody reads":
        reads, writes = os.pipe()
    elif to == "a terminal that is closed":
        reads, writes = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", PRINTS, tmp_path / "done"],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.PIPE,
        stdout=writes,
        stderr=writes,
        start_new_session=True,
    )
    os.close(writes)
    if reads >= 0:
        assert os.read(reads, 100).startswith(b"begun")
        os.close(reads)
    child.communicate(b"\n", timeout=30)
    assert child.returncode == 0
    assert (tmp_path / "done").read_text() == f"utf-8 {to == 'a terminal that is closed'}"
    if to == "a file":
        assert (tmp_path / "out").read_text().splitlines()[0] == "begun"
        assert len((tmp_path / "out").read_text().splitlines()) == 2_001
