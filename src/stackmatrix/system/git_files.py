"""Files as git keeps them: those of a commit, and every version of some. Nothing is checked out."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from stackmatrix.errors import ResultsFolderError
from stackmatrix.outside.files import MOST_DOCUMENT_BYTES
from stackmatrix.system.git_command import ask

MOST_VERSIONS = 20
"""Of one file, the newest: older ones are left out."""


def repository_of(folder: Path) -> tuple[Path, str] | None:
    """The top of the repository that a folder is or would be in, and its path from there; ``None`` outside of any."""
    there = next((one for one in (folder, *folder.parents) if one.is_dir()), None)
    found = None if there is None else ask(there, "rev-parse", "--show-toplevel")
    if found is None:
        return None
    top = Path(os.fsdecode(found.rstrip(b"\n")))
    return top, os.path.relpath(folder.resolve(), top.resolve())


def files_at(top: Path, commit: str, under: str) -> dict[str, bytes | None]:
    """Every JSON file below a folder of a repository at a commit, by its path from that folder.

    Instead of one that is larger than a file of results can be stands ``None``, and nothing of it is read.

    Raises:
        ResultsFolderError: when git does not give them.

    """
    listed = ask(top, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *([] if under == "." else [f"{under}/"]))
    if listed is None:
        raise ResultsFolderError(f"git cannot list the files of {commit[:10]}: is the clone whole? See git fsck.")
    rows = [os.fsdecode(row).partition("\t") for row in listed.split(b"\0") if row]
    blobs = {os.path.relpath(path, under): told.split()[2] for told, _, path in rows if path.endswith(".json")}
    return dict(zip(blobs, _blobs(top, list(blobs.values())), strict=True))


def versions(folder: Path, wanted: Collection[str]) -> list[tuple[str, bytes | None]] | None:
    """Every version of the wanted files that is committed, newest first, as paths from the folder and contents.

    Instead of a version that is too large stands ``None``.

    ``None`` outside of a clone that has its whole history.
    """
    if (ask(folder, "rev-parse", "--is-shallow-repository") or b"").strip() != b"false":
        return None
    # All sides of a merge, and what it made of them itself; git would leave out what was merged away.
    everything = ("--full-history", "-m", "--no-renames", "--format=", "--raw", "--no-abbrev", "-z", "--relative")
    logged = ask(folder, "log", *everything, "--", ".")
    if logged is None:
        return None
    rows = iter(logged.split(b"\0"))
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.lstrip().startswith(b":"):
            blob, path = row.split()[3].decode(), os.fsdecode(next(rows))
            if path in wanted and blob.strip("0"):
                found.setdefault(path, {})[blob] = None
    pairs = [(path, blob) for path, blobs in found.items() for blob in list(blobs)[:MOST_VERSIONS]]
    contents = _blobs(folder, [blob for _, blob in pairs])
    return [(path, content) for (path, _), content in zip(pairs, contents, strict=True)]


def _blobs(folder: Path, ids: Sequence[str]) -> Iterable[bytes | None]:
    """The contents of blobs, in their order; ``None`` for one that is too large.

    Raises:
        ResultsFolderError: when git does not have one, as in a partial clone without a network.

    """
    if not ids:
        return []
    sizes = (ask(folder, "cat-file", "--batch-check=%(objectsize)", given=_lines(ids)) or b"").splitlines()
    is_large = [size.isdigit() and int(size) > MOST_DOCUMENT_BYTES for size in sizes] or [False] * len(ids)
    small = [one for one, large in zip(ids, is_large, strict=True) if not large]
    read = dict(zip(small, _small_blobs(folder, small), strict=True))
    return [read.get(one) for one in ids]


def _lines(ids: Sequence[str]) -> bytes:
    return "".join(f"{one}\n" for one in ids).encode()


def _small_blobs(folder: Path, ids: Sequence[str]) -> Iterator[bytes]:
    printed = ask(folder, "cat-file", "--batch", given=_lines(ids)) or b""
    place = 0
    for one in ids:
        head, _, _ = printed[place : place + 200].partition(b"\n")
        if not head.startswith(one.encode()) or not head.split()[-1].isdigit():
            raise ResultsFolderError(f"git does not give what {one[:10]} holds: is the clone whole? See git fsck.")
        begin, size = place + len(head) + 1, int(head.split()[-1])
        yield printed[begin : begin + size]
        place = begin + size + 1
