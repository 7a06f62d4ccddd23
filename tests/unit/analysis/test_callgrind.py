"""What callgrind dumps is read as its specification says."""

import pytest

from stackmatrix.analysis.callgrind import Function, by_object, parse

# Names are numbered where they come first, be it as that of something called; positions are absolute or relative.
DUMP = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 7
cmd:  /opt/python app.py
part: 2
desc: Trigger: User Interrupt
positions: line
events: Ir
summary: 900

ob=(1) /opt/lib/python3.13
fl=(1) ceval.c
fn=(1) _PyEval
16 400
+3 30
cob=(2) /lib/libcrypto.so.3
cfi=(2) sha.c
cfn=(2) sha256
calls=2 10
-1 600
* 3
fi=(3) call.h
12 50
fe=(1)
cfn=(3) lookup
calls=1 5
17 40

ob=(2)
fl=(2)
fn=(2)
10 600

fn=(4)
1 10

ob=(1)
fl=(1)
fn=(3)
5 40

totals: 1133
"""


def test_each_function_has_what_it_executed_itself_and_not_what_it_called() -> None:
    costs = parse(DUMP.splitlines(keepends=True))
    assert costs == {
        Function("python3.13", "_PyEval"): 483,
        Function("python3.13", "lookup"): 40,
        Function("libcrypto.so.3", "sha256"): 600,
        Function("libcrypto.so.3", ""): 10,
    }
    assert by_object(costs) == {"python3.13": 523, "libcrypto.so.3": 610}


def test_a_function_that_calls_itself_is_one() -> None:
    lines = ["totals: 12", "ob=(1) a.so", "fn=(1) evaluate", "1 5", "fn=(2) evaluate'2", "1 7"]
    assert parse(lines) == {Function("a.so", "evaluate"): 12}


def test_names_may_be_written_without_numbers() -> None:
    plain = ["totals: 5", "ob=/lib/libc.so.6", "fl=a.c", "fn=memcpy", "1 5"]
    assert parse(plain) == {Function("libc.so.6", "memcpy"): 5}


@pytest.mark.parametrize("changed", [DUMP.replace("totals: 1133", "totals: 1134"), DUMP[:-60], ""])
def test_a_dump_whose_parts_do_not_add_up_to_its_total_was_not_understood(changed: str) -> None:
    if not changed:
        changed = "totals: 1\n"
    with pytest.raises(ValueError, match=r"the parts add up to \d+ instructions, and the dump says \d+"):
        parse(changed.splitlines())


def test_a_process_that_executed_nothing_has_no_costs() -> None:
    assert parse(["events: Ir", "totals: 0"]) == {}
