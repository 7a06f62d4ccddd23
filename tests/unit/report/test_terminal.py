"""The answer can be printed to any terminal, and shows what comes from files as it is."""

import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from stackmatrix.analysis.summary import summarize
from stackmatrix.report.live import LogView, make_view
from stackmatrix.report.statements import numbered, statements
from stackmatrix.report.terminal import make_console, print_answer
from stackmatrix.system.processes import PROJECT
from tests.made_up import make_results

ANSWER = """
from stackmatrix.analysis.summary import summarize
from stackmatrix.report.terminal import make_console, print_answer
from tests.made_up import make_results
console = make_console()
print_answer(console, summarize("mächtig", make_results(("uvicorn",), blocks=3)))
print("≥ 1 and 漢")
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_no_encoding_of_the_output_ends_a_run(encoding: str) -> None:
    path = os.pathsep.join((str(PROJECT / "src"), str(PROJECT)))
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": path}
    child = subprocess.run([sys.executable, "-c", ANSWER], env=environment, capture_output=True, check=False)
    assert child.returncode == 0, child.stderr.decode()
    told = child.stdout.decode(encoding)
    assert "uvicorn" in told
    assert told.splitlines()[-1] == ("≥ 1 and 漢" if encoding == "utf-8" else ">= 1 and ?")


def test_statements_and_tables_are_printed_with_hostile_names_as_they_are() -> None:
    results = make_results(("uvicorn", "gunicorn_gevent"), workloads=("fanout_shared_client",))
    hostile = "[red]own[/nothing]"
    results = [
        msgspec.structs.replace(one, cell=msgspec.structs.replace(one.cell, stack=hostile))
        if one.cell.stack == "uvicorn"
        else one
        for one in results
    ]
    machine = summarize("m[/]", results)
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        print_answer(console, machine)
    told = captured.get()
    assert told.startswith("m[/]: A made-up processor")
    assert hostile in told
    joined = " ".join(told.split())
    for place, one in numbered(statements(machine)):
        assert f"{'' if place is None else f'{place}. '}{one.lead} {one.text}" in joined


SHELLS = {
    "narrow": {"COLUMNS": "20"},
    "dumb": {"TERM": "dumb", "COLUMNS": "20"},
    "dumb, and colours forced": {"TERM": "dumb", "COLUMNS": "20", "FORCE_COLOR": "1"},
    "no terminal": {"TERM": ""},
    "no locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "colours forced": {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
    "no colours": {"NO_COLOR": "1"},
}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_an_answer_is_whole_in_any_shell(shell: dict[str, str], tmp_path: Path) -> None:
    (program := tmp_path / "answer.py").write_text(ANSWER, encoding="utf-8")
    path = os.pathsep.join((str(PROJECT / "src"), str(PROJECT)))
    environment = {"PATH": os.defpath, "PYTHONPATH": path, **shell}
    child = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, check=False)
    assert child.returncode == 0, child.stderr.decode()
    lines = child.stdout.decode(errors="replace").splitlines()
    # A file has no width of its own, whatever the terminal beside it has: no row of a table is folded.
    assert max(map(len, lines)) > 100
    assert lines[-1] in {"≥ 1 and 漢", ">= 1 and ?"}


def test_in_a_file_nothing_is_drawn_again_and_again_even_where_colours_are_forced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = make_console()
    assert console.is_terminal
    assert isinstance(make_view(console), LogView)
    assert capsys.readouterr().out == ""
