"""The answer can be printed to any terminal, and shows what comes from files as it is."""

import io
import os
import subprocess
import sys

import msgspec
import pytest
from rich.console import Console

from stackmatrix.analysis.summary import summarize
from stackmatrix.report.statements import numbered, statements
from stackmatrix.report.terminal import print_answer
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
