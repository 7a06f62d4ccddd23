"""The results folder: files whole or not at all, in their place, and committed alone."""

import base64
import contextlib
import os
import socket
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stackmatrix.errors import CommitError, ResultFileError, ResultsFolderError
from stackmatrix.matrix.cells import Cell
from stackmatrix.results import codec, store, writing
from stackmatrix.results.calibration import Calibration
from stackmatrix.results.model import FORMAT_VERSION, Result
from stackmatrix.system.git import commit

CELL = Cell(stack="uvicorn", python="3.13", workload="fanout")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and nothing of the user's own configuration."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "code.py").write_text("old")
    git(folder, "add", "code.py")
    git(folder, "commit", "--quiet", "--message", "Begin")
    return folder


def test_a_cells_file_is_machine_workload_stack_python() -> None:
    assert store.path_of(Path("results"), "laptop", CELL) == Path("results/laptop/fanout/uvicorn/3.13.json")


def test_a_result_is_read_as_it_was_written(tmp_path: Path, result: Result) -> None:
    path = store.write_result(tmp_path, "laptop", result)
    assert list(store.read_results(tmp_path)) == [("laptop", result)]
    assert store.read_result(path, "name") == result


def test_a_later_result_replaces_the_earlier(tmp_path: Path, result: Result) -> None:
    later = msgspec.structs.replace(result, ladders=())
    store.write_result(tmp_path, "laptop", result)
    path = store.write_result(tmp_path, "laptop", later)
    assert store.read_result(path, "name") == later
    assert [file.name for file in path.parent.iterdir()] == ["3.13.json"]


def test_results_come_in_the_order_of_their_paths_with_their_machine(tmp_path: Path, result: Result) -> None:
    older = msgspec.structs.replace(result, cell=Cell(stack="uvicorn", python="3.12", workload="fanout"))
    for machine, one in (("b", result), ("a", result), ("a", older)):
        store.write_result(tmp_path, machine, one)
    assert list(store.read_results(tmp_path)) == [("a", older), ("a", result), ("b", result)]


def test_what_is_beside_the_results_is_no_result(tmp_path: Path, result: Result, calibration: Calibration) -> None:
    path = store.write_result(tmp_path, "laptop", result)
    store.write_calibration(tmp_path, "laptop", calibration)
    (tmp_path / "schema.json").write_text("{}")
    path.with_name(f".{path.name}.1.part").write_text("{")
    assert len(list(store.read_results(tmp_path))) == 1


def test_a_calibration_is_in_its_machines_folder_and_is_known_by_its_id(
    tmp_path: Path, calibration: Calibration
) -> None:
    path = store.write_calibration(tmp_path, "laptop", calibration)
    assert path == tmp_path / "laptop" / "calibration.json"
    assert codec.decode_calibration(path.read_bytes()) == calibration
    assert store.calibration_id(tmp_path, "laptop") == "calibrated"
    assert store.calibration_id(tmp_path, "desktop") is None


def test_a_later_calibration_replaces_the_earlier(tmp_path: Path, calibration: Calibration) -> None:
    store.write_calibration(tmp_path, "laptop", calibration)
    store.write_calibration(tmp_path, "laptop", msgspec.structs.replace(calibration, id="again"))
    assert store.calibration_id(tmp_path, "laptop") == "again"


def test_a_calibration_that_cannot_be_read_is_none(tmp_path: Path, calibration: Calibration) -> None:
    path = store.write_calibration(tmp_path, "laptop", calibration)
    path.write_bytes(path.read_bytes()[:-10])
    assert store.calibration_id(tmp_path, "laptop") is None


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda data: data[: len(data) // 2], "is not a result file"),
    "not JSON": (lambda _: b"hello", "is not a result file"),
    "unknown key": (lambda data: data.replace(b'"cell"', b'"cell_"', 1), "is not a result file"),
    "newer": (
        lambda data: data.replace(
            b'"format_version": %d' % FORMAT_VERSION, b'"format_version": %d' % (FORMAT_VERSION + 1)
        ),
        f"has format {FORMAT_VERSION + 1}",
    ),
    "older": (lambda _: b'{"format_version": 6, "trials": []}', "has format 6, which was made by an older method"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_an_error_that_names_it_and_the_others_are_read(
    tmp_path: Path, result: Result, kind: str
) -> None:
    spoil, told = BROKEN[kind]
    path = store.write_result(tmp_path, "laptop", result)
    bad = path.with_name("3.12.json")
    bad.write_bytes(spoil(path.read_bytes()))
    (_, error), (_, whole) = store.read_results(tmp_path)
    assert isinstance(error, ResultFileError)
    assert str(error).startswith(f"laptop/fanout/uvicorn/3.12.json {told}")
    assert whole == result


@pytest.mark.parametrize("place", ["fanout/uvicorn/3.12", "fanout/uwsgi/3.13", "other/uvicorn/3.13"])
def test_a_file_in_another_cells_place_is_refused_by_name(tmp_path: Path, result: Result, place: str) -> None:
    path = tmp_path / f"{place}.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(codec.encode(result))
    with pytest.raises(ResultFileError, match=r"^x holds the results of another cell: uvicorn on 3.13, fanout\.$"):
        store.read_result(path, "x")


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match=r"^x cannot be read: No such file"):
        store.read_result(tmp_path / "none.json", "x")


def test_a_control_has_a_file_of_its_own_beside_its_cells(tmp_path: Path, result: Result) -> None:
    for control in ("twin", "planted", None):
        one = msgspec.structs.replace(result, cell=msgspec.structs.replace(CELL, control=control))
        path = store.write_result(tmp_path, "laptop", one)
        assert store.read_result(path, "name") == one
    assert sorted(file.name for file in path.parent.iterdir()) == ["3.13.json", "3.13.planted.json", "3.13.twin.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsFolderError, match=r"a\.json cannot be written \(No space left on device\)"):
        writing.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    seen = []
    sync = os.fsync

    def look(number: int) -> None:
        sync(number)
        seen.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", look)
    writing.write_atomically(path, b"new")
    assert (seen, path.read_bytes()) == ([b"old"], b"new")


def test_a_place_that_cannot_be_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsFolderError, match="cannot be written"):
        writing.write_atomically(tmp_path / "file" / "a.json", b"new")


def test_results_below_a_regular_file_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsFolderError, match=r"file/results cannot be written \(Not a directory\): mend"):
        store.need_writable(tmp_path / "file" / "results")


def test_a_new_results_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    store.need_writable(tmp_path / "new" / "results")
    assert list((tmp_path / "new" / "results").iterdir()) == []


def test_exactly_the_given_files_are_committed_and_other_staged_changes_left_alone(clone: Path, result: Result) -> None:
    path = store.write_result(clone / "results", "laptop", result)
    beside = path.with_name("note.txt")
    beside.write_text("mine")
    (clone / "code.py").write_text("staged")
    git(clone, "add", "code.py")
    (clone / "code.py").write_text("changed since")
    commit([path], "Measure\n\nMore.\n")
    assert git(clone, "show", "--name-only", "--format=%B", "HEAD").split() == [
        "Measure", "More.", "results/laptop/fanout/uvicorn/3.13.json",
    ]  # fmt: skip
    assert git(clone, "status", "--short").splitlines() == ["MM code.py", "?? results/laptop/fanout/uvicorn/note.txt"]
    assert git(clone, "show", ":code.py") == "staged"


def test_a_file_that_was_changed_is_committed_again(clone: Path, result: Result) -> None:
    path = store.write_result(clone / "results", "laptop", result)
    commit([path], "First")
    store.write_result(clone / "results", "laptop", msgspec.structs.replace(result, ladders=()))
    commit([path], "Second")
    assert git(clone, "log", "--format=%s").split() == ["Second", "First", "Begin"]
    assert git(clone, "status", "--short") == ""


def test_nothing_to_commit_is_no_commit(clone: Path) -> None:
    commit([], "Nothing")
    assert git(clone, "log", "--format=%s").split() == ["Begin"]


def test_outside_a_clone_the_error_has_gits_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(CommitError, match=r"git did not commit them: .*not a git repository"):
        commit([path], "Measure")


def test_a_hook_that_refuses_is_told(clone: Path, result: Result) -> None:
    hook = clone / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(CommitError, match="not on a Friday"):
        commit([store.write_result(clone / "results", "laptop", result)], "Measure")


def on(result: Result, **changed: Any) -> Result:
    """The same from a machine that differs in this."""
    assert result.conditions is not None
    machine = msgspec.structs.replace(result.conditions.machine, **changed)
    return msgspec.structs.replace(result, conditions=msgspec.structs.replace(result.conditions, machine=machine))


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "processor": ({"cpu_model": "Another"}, "the processor ("),
    "numbers": ({"cpu_id": "1-2-3"}, "the processor ("),
    "cores": ({"cores": 96}, "the cores ("),
    "memory": ({"memory_bytes": 2**40}, "→ 1.02e+03 GiB"),
    "computer": ({"computer": "Another"}, "the computer (This → Another)"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_results_of_another_machine_with_the_same_name_are_not_replaced(
    tmp_path: Path, result: Result, what: str
) -> None:
    changed, words = OTHERS[what]
    store.write_result(tmp_path, "m", on(result, computer="This"))
    other = on(result, **changed).conditions
    assert other is not None
    with pytest.raises(ResultFileError) as refused:
        store.need_same_machine(tmp_path, "m", other.machine)
    assert words in str(refused.value)
    assert str(refused.value).endswith("give this one a name of its own (--machine m-2).")
    store.need_same_machine(tmp_path, "m-2", other.machine)


@pytest.mark.parametrize(
    "changed",
    [{}, {"kernel": "Linux 99"}, {"governor": "powersave"}, {"pinning": None}, {"computer": "Known now"}],
    ids=str,
)
def test_the_same_machine_at_another_time_has_its_results_still(
    tmp_path: Path, result: Result, changed: dict[str, Any]
) -> None:
    store.write_result(tmp_path, "m", result)
    now = on(result, **changed).conditions
    assert now is not None
    store.need_same_machine(tmp_path, "m", now.machine)
    little = round(now.machine.memory_bytes * 0.95)  # what a kernel keeps for itself is not always the same
    store.need_same_machine(tmp_path, "m", msgspec.structs.replace(now.machine, memory_bytes=little))


def test_a_calibration_of_another_machine_is_not_replaced(
    tmp_path: Path, result: Result, calibration: Calibration
) -> None:
    store.write_calibration(tmp_path, "m", calibration)
    store.need_same_machine(tmp_path, "m", calibration.machine)
    with pytest.raises(ResultFileError, match="holds results of another machine"):
        store.need_same_machine(tmp_path, "m", msgspec.structs.replace(calibration.machine, cores=96))
    (tmp_path / "m" / "calibration.json").write_text('{"machine": 3')
    assert result.conditions is not None
    store.need_same_machine(tmp_path, "m", result.conditions.machine)


def test_files_that_are_written_together_are_all_there_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "m"
    paths = [place / "a" / "1.json", place / "b" / "2.json"]
    writing.write_together(tmp_path, "m", dict.fromkeys(paths, b"old"))
    sync, calls = os.fsync, []

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        sync(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsFolderError, match="No space left"):
        writing.write_together(tmp_path, "m", dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths] == [b"old", b"old"]
    assert sorted(path for path in place.rglob("*") if path.is_file()) == paths


@pytest.mark.parametrize("renamed", [None, 0, 1, 2], ids=["before it was all there", "none", "one", "both"])
def test_what_was_killed_while_it_wrote_together_is_ended_by_the_next_run_or_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: int | None
) -> None:
    place = tmp_path / "m"
    paths = [place / "a" / "1.json", place / "b" / "2.json"]
    writing.write_together(tmp_path, "m", dict.fromkeys(paths, b"old"))

    class KilledError(BaseException):
        """Nothing is cleaned up after it, here."""

    steps: list[Path] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)

    def kill(*_: object) -> None:
        raise KilledError

    def some(path: Path, target: Path) -> None:
        if len(steps) == renamed:
            raise KilledError
        steps.append(path)
        replace(path, target)

    monkeypatch.setattr(Path, "replace", some)
    if renamed is None:
        monkeypatch.setattr(os, "fsync", lambda _: kill() if steps else steps.append(place))
    with contextlib.suppress(KilledError):
        writing.write_together(tmp_path, "m", dict.fromkeys(paths, b"new"))
    monkeypatch.undo()

    writing.settle(tmp_path, "m", lambda pid: pid == os.getpid())  # it still writes
    assert len([path for path in place.rglob(".*") if path.is_file()]) == (2 if renamed is None else 3 - renamed)
    writing.settle(tmp_path, "m", lambda _: False)
    wanted = b"old" if renamed is None else b"new"
    assert [path.read_bytes() for path in paths] == [wanted, wanted]
    assert sorted(path for path in place.rglob("*") if path.is_file()) == paths


def spoil(path: Path, kind: str) -> None:
    """Put something that is no file of results in a file's place."""
    path.unlink()
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "huge":
            with path.open("wb") as file:
                file.truncate(100 * 2**20)
        case "a device":
            path.symlink_to("/dev/zero")
        case "not UTF-8":
            path.write_bytes(b'{"format_version": 7, "status": "\xff"}')
        case "too deep":
            path.write_bytes(b'{"x":' + b"[" * 1_000_000)
        case _:
            path.write_bytes(b"")


@pytest.mark.parametrize("kind", ["a pipe", "a folder", "huge", "a device", "not UTF-8", "too deep", "empty"])
def test_what_is_no_file_of_results_is_named_and_the_others_are_read(tmp_path: Path, result: Result, kind: str) -> None:
    store.write_result(tmp_path, "a-laptop", result)
    spoil(store.write_result(tmp_path, "laptop", result), kind)
    (machine, read), (other, refused) = store.read_results(tmp_path)
    assert (machine, read, other) == ("a-laptop", result, "laptop")
    assert isinstance(refused, ResultFileError)
    assert str(refused).startswith("laptop/")


def test_a_file_of_another_name_is_left_alone_among_thousands_of_strays(tmp_path: Path, result: Result) -> None:
    path = store.write_result(tmp_path, "laptop", result)
    for number in range(2000):
        (path.parent / f"stray-{number}.txt").touch()
        (tmp_path / f"stray-{number}.json").touch()
    os.mkfifo(tmp_path / "laptop" / "pipe.json")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "laptop" / "s"))
        assert list(store.read_results(tmp_path)) == [("laptop", result)]


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nb", "\u202ex", os.fsdecode(b"\xff")])
def test_a_machine_with_an_unprintable_name_is_left_out_and_named_printably(
    tmp_path: Path, result: Result, name: str
) -> None:
    store.write_result(tmp_path, "laptop", result)
    (tmp_path / "laptop").rename(tmp_path / name)
    ((_, refused),) = store.read_results(tmp_path)
    assert isinstance(refused, ResultFileError)
    assert str(refused).isprintable()


def test_no_link_leads_a_reader_or_a_writer_out_of_the_folder(tmp_path: Path, result: Result) -> None:
    elsewhere = tmp_path / "elsewhere"
    store.write_result(elsewhere, "laptop", result)
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "laptop").symlink_to(elsewhere / "laptop")
    ((_, refused),) = store.read_results(folder)
    assert isinstance(refused, ResultFileError)
    assert "is a link" in str(refused)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    with pytest.raises(ResultsFolderError, match="leads out of the results folder"):
        store.write_result(folder, "laptop", result)
    for name in ("../x", "laptop/verdicts.json"):
        with pytest.raises(ResultsFolderError, match="leads out of the results folder"):
            store.write_below(folder, name, b"")
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="to root every folder is readable")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, result: Result) -> None:
    store.write_result(tmp_path, "laptop", result)
    (tmp_path / "laptop").chmod(0)
    ((_, refused),) = store.read_results(tmp_path)
    (tmp_path / "laptop").chmod(0o700)
    assert isinstance(refused, ResultFileError)
    assert "Permission denied" in str(refused)


def test_a_histogram_that_would_unfold_to_gigabytes_is_refused(result: Result) -> None:
    bomb = base64.b64encode(struct.pack(">Ii", 0x1C849314, 1) + zlib.compress(b"\0" * 50_000_000, 9)).decode()
    level = msgspec.structs.replace(result.ladders[0].levels[0], latency_histogram=bomb)
    ladder = msgspec.structs.replace(result.ladders[0], levels=(level,))
    spoilt = codec.encode(msgspec.structs.replace(result, ladders=(ladder,)))
    with pytest.raises(ResultFileError, match="of a histogram, it is larger than one can be"):
        codec.decode(spoilt, "a.json")


def test_a_text_that_looks_like_the_place_of_a_block_stays_a_text(result: Result) -> None:
    for text in ("\0block 0", "\0block 99", "00000", "0000000"):
        hostile = msgspec.structs.replace(result, status=msgspec.structs.replace(result.status, reason=text))
        assert codec.decode(codec.encode(hostile), "a.json") == hostile
