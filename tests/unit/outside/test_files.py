"""Files of others are read within bounds; what is no file is refused before it is read."""

import os
import socket
import threading
import tracemalloc
from pathlib import Path

import pytest

from stackmatrix.outside import files


def test_a_file_is_read_whole_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    assert files.read(path, 100) == b"x" * 100
    with pytest.raises(OSError, match=r"^\[Errno") as caught:
        files.read(path, 99)
    assert caught.value.strerror == "it has 100 bytes, and at most 99 are read"


def test_a_file_of_many_gigabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(50 * 2**30)  # it takes no room on the disk
    tracemalloc.start()
    with pytest.raises(OSError, match=r"^\[Errno") as caught:
        files.read(path, files.MOST_DOCUMENT_BYTES)
    assert "53,687,091,200 bytes" in str(caught.value.strerror)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "device", "NUL", "gone", "loop"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    with socket.socket(socket.AF_UNIX) as server:
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "socket":
                server.bind(str(path))
            case "device":
                path = Path("/dev/zero")
            case "NUL":
                path = tmp_path / "a\0b"
            case "loop":
                path.symlink_to(path)
            case _:
                pass
        failed: list[OSError] = []

        def read() -> None:
            try:
                files.read(path, 1000)
            except OSError as error:
                failed.append(error)

        # In a thread, so that a reader that waits for a writer is a failure, and no test without an end.
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(10)
        assert failed
        assert failed[0].strerror


def test_a_file_of_the_kernel_that_has_no_size_is_read() -> None:
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("this system has no /proc")
    assert files.read(path, 100_000).startswith(b"Name:")


def test_wrong_utf8_is_said_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc\xffd")
    with pytest.raises(OSError, match=r"^\[Errno") as caught:
        files.read_text(path, 100)
    assert caught.value.strerror == "it is not UTF-8 (invalid start byte at byte 3)"


def test_of_a_long_log_its_beginning_and_its_end_are_read_in_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("first: it began\n" + "".join(f"line {number}\r\n" for number in range(10_000)) + "last\n")
    said = files.read_log(path, 2000)
    assert said.startswith("first: it began\nline 0\nline 1\n")
    assert said.endswith("\nline 9999\nlast\n")
    assert len(said) < 2100
    lines = said.splitlines()
    (left_out,) = (line for line in lines if line.endswith("bytes are left out]"))
    assert all(line.startswith("line ") for line in lines[1:-1] if line != left_out)


def test_a_log_of_a_gigabyte_in_one_line_is_no_more_than_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert files.read_log(path) == "[1,073,741,824 bytes are left out]\n"
