"""What a counted process is given is alike wherever the project, its environments and the user's folders are."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from stackmatrix.analysis.callgrind import parse
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.cells import Cell, Installation, Subject
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.matrix.workloads import WORKLOADS
from stackmatrix.measurements.counts.sameness import BLOCK_BYTES, PATH_BYTES, Wrap, fixed_places
from stackmatrix.system import processes

CELL = Cell(stack="uvicorn", python="3.13", workload="fanout")
needs_linux = pytest.mark.skipif(not psutil.LINUX, reason="only Linux shows it")

SHOW = """
import ctypes, json, os, sys
from pathlib import Path
read = lambda name: Path("/proc/self", name).read_bytes()
print(json.dumps({
    "above the stack": len(read("cmdline")) + len(read("environ")),
    "hash": hash("a"), "prefix": sys.prefix, "path": sys.path, "folder": os.getcwd(),
    "memory": [line.split()[0] for line in read("maps").decode().splitlines() if "stack" in line or "heap" in line],
    "tunables": os.environ["GLIBC_TUNABLES"],
    "memmove": ctypes.cast(ctypes.CDLL(None).memmove, ctypes.c_void_p).value,
}))
"""


@pytest.fixture
def make_subject(tmp_path: Path) -> Callable[..., Subject]:
    """A subject whose environment, with the Python of this one, is in a folder of this name."""

    def make(name: str = "environment") -> Subject:
        prefix = tmp_path / name
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin" / "python").symlink_to(Path(sys.executable).resolve())
        home = Path(sys.executable).resolve().parent
        (prefix / "pyvenv.cfg").write_text(f"home = {home}\n", encoding="utf-8")
        program = prefix / "bin" / "show"
        program.write_text(f"#!{prefix}/bin/python\n{SHOW}", encoding="utf-8")
        program.chmod(0o755)
        stack = replace(STACKS["uvicorn"], command=("{bin}/python", "{bin}/show"))
        return Subject(CELL, stack, WORKLOADS["fanout"], BUILT_IN, Installation(prefix, "lock"))

    return make


def show(subject: Subject, *command: str, seed: int = 7, **variables: str) -> dict[str, object]:
    """What the subject's command, or another one with its paths, is given; the user has these variables, too."""
    with fixed_places(subject) as places:
        chosen = [part.format(prefix=places.prefix) for part in command] or places.move(subject).command(8000)
        whole = places.start(chosen, tuple, places.variables(seed))
        environment = {**processes.child_environment(), **variables}
        done = subprocess.run(whole, env=environment, capture_output=True, text=True, check=True)
    shown: dict[str, object] = json.loads(done.stdout)
    return shown


SCRIPT = ("{prefix}/bin/show",)


@needs_linux
def test_what_lies_above_the_stack_fills_whole_blocks_however_long_paths_and_variables_are(
    make_subject: Callable[..., Subject],
) -> None:
    usual = show(make_subject())
    longer = show(make_subject("an environment with a long name"), SOMETHING="x" * 1234)
    by_script = show(make_subject("with a script"), *SCRIPT)
    # The name of the program is there, too, beside what the process itself is shown.
    program = PATH_BYTES + len("/bin/python") + 1
    assert {one["above the stack"] for one in (usual, longer, by_script)} == {BLOCK_BYTES - program}


def test_paths_have_one_length_and_lead_to_the_environment_and_the_sources(
    make_subject: Callable[..., Subject],
) -> None:
    for name, command in (("short", ()), ("an environment with a long name", ()), ("script", SCRIPT)):
        shown = show(make_subject(name), *command)
        path = shown["path"]
        assert isinstance(path, list)
        ours = [each for each in path if str(each).endswith("-")]
        assert {len(str(each)) for each in (*ours, shown["prefix"], shown["folder"])} == {PATH_BYTES}
        assert [Path(str(each)).name.strip("-") for each in ours] == ["source"]


def test_the_hash_seed_is_the_one_that_was_asked_for(make_subject: Callable[..., Subject]) -> None:
    subject = make_subject()
    one, same, other = (show(subject, seed=seed)["hash"] for seed in (1, 1, 2))
    assert one == same != other


@needs_linux
def test_memory_is_laid_out_alike_in_every_start(make_subject: Callable[..., Subject]) -> None:
    libc = ctypes.CDLL(None)
    before = libc.personality(0xFFFFFFFF)
    if libc.personality(before | 0x0040000) == -1:
        pytest.skip("this container does not allow it")
    libc.personality(before)
    subject = make_subject()
    (one, other) = (show(subject)["memory"] for _ in range(2))
    assert one == other
    assert isinstance(one, list)
    assert len(one) == 2


@pytest.mark.skipif(not psutil.LINUX or os.uname().machine != "x86_64", reason="elsewhere there is nothing to choose")
def test_the_c_library_chooses_the_same_functions_on_this_processor_as_on_the_one_that_valgrind_plays(
    make_subject: Callable[..., Subject],
) -> None:
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    subject = make_subject()
    wraps: tuple[Wrap, ...] = (tuple, lambda one: ("valgrind", "--tool=none", "--quiet", *one))
    offsets = []
    for wrap in wraps:
        with fixed_places(subject) as places:
            whole = places.start((sys.executable, "-c", OFFSET), wrap, places.variables(1))
            done = subprocess.run(whole, env=processes.child_environment(), capture_output=True, text=True, check=True)
        offsets.append(done.stdout)
    assert offsets[0] == offsets[1] != ""


OFFSET = """
import ctypes
libc = ctypes.CDLL(None)
base = next(int(line.split("-")[0], 16) for line in open("/proc/self/maps") if "libc.so" in line or "libc-" in line)
for name in ("memmove", "memset", "strlen", "memchr", "memcmp"):
    print(name, hex(ctypes.cast(libc[name], ctypes.c_void_p).value - base))
"""


def test_what_was_made_is_gone_afterwards_and_what_it_leads_to_is_not(make_subject: Callable[..., Subject]) -> None:
    subject = make_subject()
    with fixed_places(subject) as places:
        assert (places.prefix / "bin" / "show").exists()
        assert (places.source / "fanout_site").is_dir()
    assert not places.prefix.parent.exists()
    assert (subject.environment.prefix / "bin" / "show").exists()
    assert processes.SOURCE.is_dir()


def test_a_program_that_is_not_there_is_told(make_subject: Callable[..., Subject]) -> None:
    with fixed_places(make_subject()) as places:
        program = places.folder / "nothing"
        program.write_bytes(b"")
        whole = places.start([str(program)], tuple, {})
        done = subprocess.run(whole, env=processes.child_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"{program} cannot be started: Permission denied\n"


def test_a_command_that_is_found_on_the_path_is_started_as_it_is(make_subject: Callable[..., Subject]) -> None:
    with fixed_places(make_subject()) as places:
        whole = places.start(["env", "WORD=here", "sh", "-c", "echo $WORD"], tuple, {})
        done = subprocess.run(whole, env=processes.child_environment(), capture_output=True, text=True, check=False)
    assert done.stdout == "here\n", done.stderr


COUNTED = "import os, re\nfor n in range(3000): re.sub('a+', str(n), os.sep * 40)"


@needs_linux
def test_a_count_is_the_same_in_another_checkout_with_other_variables(
    make_subject: Callable[..., Subject], tmp_path: Path
) -> None:
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    counts = []
    for name, variables in (("short", {}), ("an environment with a long name", {"SOMETHING": "x" * 333})):
        output = tmp_path / "costs"

        def count(command: Sequence[str], output: Path = output) -> tuple[str, ...]:
            return ("valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={output}", *command)

        with fixed_places(make_subject(name)) as places:
            command = (str(places.prefix / "bin" / "python"), "-c", COUNTED)
            whole = places.start(command, count, places.variables(1))
            subprocess.run(whole, env={**processes.child_environment(), **variables}, check=True)
        with output.open(encoding="utf-8", errors="replace") as lines:
            counts.append(parse(lines).total())
    assert counts[0] == pytest.approx(counts[1], rel=0.0005)
