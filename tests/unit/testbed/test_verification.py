"""What verification refuses, by its sentence; with real servers, tests/process/test_verification.py."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from slow_api.figures import RequestFigures
from stackmatrix.errors import TrialError
from stackmatrix.matrix.app import BUILT_IN
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.stacks import REFERENCE_STACK, STACKS, Stack
from stackmatrix.matrix.workloads import WORKLOADS, Workload, one_page
from stackmatrix.results.types import PythonBuild
from stackmatrix.system.http import Answer
from stackmatrix.testbed import verification
from under_test import interpreter
from under_test.identity import Identity

WORKLOAD = Workload("w", "", one_page("/"), (300, 600, 150))
BUILD: dict[str, Any] = {
    "version": "3.13.2", "implementation": "CPython", "compiler": "GCC", "origin": "uv", "pgo": True, "lto": None,
    "shared": False, "gil": True, "jit": None,
}  # fmt: skip
PAGE = """<!doctype html>
<ul>
  <li>Åland Islands (AX)</li>
  <li>Côte d&#x27;Ivoire (CI)</li>
  <li>Chad (TD)</li>
</ul>
<p>It took 0.601 s.</p>
</html>
"""


def identity(name: str) -> Identity:
    """What a target of this stack on 3.13 says of itself."""
    stack = STACKS[name]
    return Identity(
        python=BUILD,
        traits=sorted({stack.server, *stack.traits}),
        interface=stack.interface,
        event_loop=None,
        pid=1,
        waits_with="event loop" if stack.interface == "ASGI" else stack.waits_with,
        monkey_patched=stack.monkey_patched,
        threads=1,
        packages={},
    )


@pytest.mark.parametrize("name", STACKS)
def test_a_target_that_is_what_the_cell_names_tells_its_build(name: str) -> None:
    assert verification.verify_identity(identity(name), STACKS[name], "3.13") == PythonBuild(**BUILD)


def test_a_site_tells_of_its_interpreter_what_a_result_has_of_it() -> None:
    assert tuple(interpreter.describe()) == PythonBuild.__struct_fields__
    assert msgspec.convert(interpreter.describe(), PythonBuild)


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"python": {**BUILD, "version": "3.12.9"}}, "Python is '3.12', expected '3.13'"),
        ({"python": {**BUILD, "version": "3.1.3"}}, "Python is '3.1', expected '3.13'"),
        ({"python": {**BUILD, "gil": False, "free_threaded": True}}, "Python is '3.13t', expected '3.13'"),
        ({"traits": ["wsgiref"]}, "it has not loaded '"),
        ({"traits": []}, "it has not loaded '"),
        ({"interface": "none"}, "interface is 'none'"),
        ({"waits_with": "hope"}, "way of waiting is 'hope'"),
        ({"monkey_patched": "half"}, "monkey patching is 'half'"),
    ],
)
def test_a_target_that_is_something_else_is_told_by_what_differs(name: str, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(TrialError) as refused:
        verification.verify_identity(replace(identity(name), **changed), STACKS[name], "3.13")
    assert str(refused.value).startswith(f"The target is not what the cell names: {told}")


def test_a_server_of_ones_own_that_is_called_otherwise_than_its_package_is_told_the_key() -> None:
    row = next(iter(STACKS))
    with pytest.raises(TrialError, match=r"it has not loaded 'other_name', .* by server = \"NAME\"\.$"):
        verification.verify_identity(identity(row), replace(STACKS[row], name="own", server="other_name"), "3.13")


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("", "nothing says by what."),
        (
            "The global interpreter lock (GIL) has been enabled to load module 'httptools.parser.parser', which",
            "httptools.parser.parser has turned it on, as it does not say that it can run without.",
        ),
    ],
)
def test_a_build_without_the_gil_on_which_it_is_on_is_refused_and_what_turned_it_on_is_named(
    log: str, told: str
) -> None:
    name = next(iter(STACKS))
    of_build = replace(identity(name), python={**BUILD, "gil": True, "free_threaded": True})
    with pytest.raises(TrialError, match=rf"^The GIL is on, though this Python is built without it: {re.escape(told)}"):
        verification.verify_identity(of_build, STACKS[name], "3.13t", log)
    without = replace(identity(name), python={**BUILD, "gil": False, "free_threaded": True})
    assert verification.verify_identity(without, STACKS[name], "3.13t", log).gil is False


def tells(stack: Stack) -> tuple[object, ...]:
    return (stack.server, stack.interface, stack.waits_with, {*stack.traits})


def test_stacks_that_tell_the_same_of_themselves_differ_in_a_number() -> None:
    alike: dict[str, list[str]] = {}
    for name, stack in STACKS.items():
        alike.setdefault(repr(tells(stack)), []).append(name)
    same = [names for names in alike.values() if len(names) > 1]
    assert ["gunicorn_100_threads", "gunicorn_2_processes"] in same
    for names in same:
        commands = [STACKS[name].command for name in names]
        without = {tuple(re.sub(r"\d+", "", part) for part in command) for command in commands}
        assert len({*commands}) == len(names)
        assert len(without) == 1 or len({STACKS[name].workers for name in names}) == len(names), names


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("tiny_server", None),
        ("Tiny-Server", None),  # as the package index has it
        ("starter", None),  # what started it
        ("tiny-servers", "it has not loaded 'tiny-servers', which its row has as server; is it 'tiny_server'?"),
        ("wsgiref", "it has not loaded 'wsgiref', which its row has as server; name a package that it has, other than"),
    ],
)
def test_a_server_is_named_as_its_package_or_distribution_and_else_the_nearest_is_told(
    server: str, told: str | None
) -> None:
    own = replace(STACKS[REFERENCE_STACK], server=server, traits=())
    target = replace(identity(REFERENCE_STACK), traits=["tiny_server.worker", "parent starter-cli", "django"])
    if told is None:
        verification.verify_identity(target, own, "3.13")
        return
    with pytest.raises(TrialError) as refused:
        verification.verify_identity(target, own, "3.13")
    assert str(refused.value).startswith(f"The target is not what the cell names: {told}")


def test_a_server_with_another_worker_than_its_row_names_is_told_by_both() -> None:
    worker = "gunicorn.workers.sync.SyncWorker"
    with pytest.raises(TrialError, match=rf"what serves is '{worker}', expected 'gunicorn.workers.gthread"):
        verification.verify_identity(
            replace(identity(REFERENCE_STACK), traits=["gunicorn", worker]), STACKS[REFERENCE_STACK], "3.13"
        )


SYNC_UNDER_ASGI = [name for name, stack in STACKS.items() if stack.interface == "ASGI" and stack.view == "sync"]


@pytest.mark.parametrize("name", SYNC_UNDER_ASGI)
def test_under_asgi_sync_views_are_told_by_the_application_and_called_on_the_loop_all_the_same(name: str) -> None:
    own = [trait for trait in STACKS[name].traits if trait.startswith("fanout_site.")]
    assert own == [BUILT_IN.asgi_sync.partition(":")[0]]
    assert not [row.name for row in STACKS.values() if row.name != name and {*own} & {*row.traits}]
    assert identity(name).waits_with == "event loop" != STACKS[name].waits_with
    verification.verify_identity(identity(name), STACKS[name], "3.13")
    for changed in ({"waits_with": "threads"}, {"traits": [one for one in identity(name).traits if one not in own]}):
        with pytest.raises(TrialError, match=r"is not what the cell names: (way of waiting is 'threads'|what serves)"):
            verification.verify_identity(replace(identity(name), **changed), STACKS[name], "3.13")


def test_there_is_a_stack_that_serves_sync_views_under_asgi() -> None:
    assert SYNC_UNDER_ASGI


def test_a_stack_that_names_no_traits_is_known_by_its_server_alone() -> None:
    own = replace(STACKS[REFERENCE_STACK], traits=())
    verification.verify_identity(replace(identity(REFERENCE_STACK), traits=["gunicorn", "gunicorn_h1c"]), own, "3.13")


def test_a_server_that_is_no_module_of_the_process_is_known_by_what_started_it() -> None:
    name = next(name for name, stack in STACKS.items() if stack.server == "caddysnake")
    told = replace(identity(name), traits=["parent caddysnake-cli"])
    verification.verify_identity(told, STACKS[name], "3.13")


@pytest.mark.parametrize("name", STACKS)
def test_no_stack_passes_for_another(name: str) -> None:
    """But for those that differ in a number only: of processes, which is counted, or of threads."""
    told = identity(name)
    for stack in STACKS.values():
        if tells(stack) != tells(STACKS[name]):
            with pytest.raises(TrialError):
                verification.verify_identity(told, stack, "3.13")


def test_a_page_with_three_countries_and_its_time_is_right() -> None:
    verification.verify_page(Answer(200, PAGE, 601.0), WORKLOAD.pages[0])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "It works!",
        PAGE.replace("(CI)", ""),
        PAGE.replace("  <li>Chad (TD)</li>\n", ""),
        PAGE.replace("  <li>Chad (TD)</li>\n", "  <li>Chad (TD)</li>\n  <li>Peru (PE)</li>\n"),
        PAGE.replace("0.601", ""),
        PAGE.replace("<!doctype html>", ""),
        PAGE[: PAGE.index("It took")],
        PAGE.replace("Chad", ""),
    ],
)
def test_any_other_page_is_wrong_and_told_by_its_beginning(body: str) -> None:
    with pytest.raises(TrialError, match=r"^/ is not the page that was expected\.") as refused:
        verification.verify_page(Answer(200, body, 601.0), WORKLOAD.pages[0])
    assert (f"It begins {body[:200]!r}." in str(refused.value)) == bool(body)


def test_another_status_is_told_before_the_body() -> None:
    with pytest.raises(TrialError, match=r"^/ answered 502 where 200 is right\. It begins 'The external API failed'"):
        verification.verify_page(Answer(502, "The external API failed", 601.0), WORKLOAD.pages[0])


def test_a_workload_says_itself_what_its_whole_page_is() -> None:
    (greeting,) = one_page("/", r"Hello, [a-z]+!")
    verification.verify_page(Answer(200, "Hello, reader!", 601.0), greeting)
    for body in ("Hello, reader! And more.", "Oh. Hello, reader!", PAGE):
        with pytest.raises(TrialError, match=r"^/ is not the page that was expected"):
            verification.verify_page(Answer(200, body, 601.0), greeting)


def calls(asked_ms: list[int], max_in_flight: int) -> RequestFigures:
    return RequestFigures(len(asked_ms), asked_ms, max_in_flight, in_flight=0)


def test_the_calls_may_come_in_any_order() -> None:
    verification.verify_calls(calls([150, 600, 300], 3), WORKLOAD)


@pytest.mark.parametrize("asked_ms", [[300, 600], [300, 600, 150, 150], [300, 300, 150], []])
def test_other_calls_than_the_workloads_are_told(asked_ms: list[int]) -> None:
    with pytest.raises(TrialError) as refused:
        verification.verify_calls(calls(asked_ms, 3), WORKLOAD)
    assert str(refused.value) == (
        f"The external API saw the calls {asked_ms} ms for one request, expected [300, 600, 150]."
    )


def test_a_request_that_the_api_never_saw_is_told() -> None:
    with pytest.raises(TrialError, match=r"saw the calls \[\] ms for one request"):
        verification.verify_calls(None, WORKLOAD)


@pytest.mark.parametrize("overlap", [1, 2])
def test_calls_that_do_not_all_overlap_are_not_parallel(overlap: int) -> None:
    with pytest.raises(TrialError, match=f"^At most {overlap} of the 3 calls of one request overlapped"):
        verification.verify_calls(calls([300, 600, 150], overlap), WORKLOAD)


@pytest.mark.parametrize("overlap", [2, 3])
def test_calls_that_overlap_are_not_in_sequence(overlap: int) -> None:
    workload = replace(WORKLOAD, order="in sequence")
    verification.verify_calls(calls([300, 600, 150], 1), workload)
    with pytest.raises(TrialError, match=f"^{overlap} of the 3 calls of one request overlapped: .* not made in seq"):
        verification.verify_calls(calls([300, 600, 150], overlap), workload)


def test_a_page_without_calls_makes_none() -> None:
    workload = replace(WORKLOAD, delays_ms=())
    verification.verify_calls(None, workload)
    with pytest.raises(TrialError, match=r"saw the calls \[300\] ms for one request, expected \[\]"):
        verification.verify_calls(calls([300], 1), workload)


FLAKY = WORKLOADS["api_errors"]
FAILED = PAGE.replace("Chad (TD)", "No answer: HTTPStatusError")


def test_a_page_says_of_as_many_calls_as_failed_that_they_have() -> None:
    one_fails = verification._find_id(FLAKY, "fails")
    verification.verify_page(Answer(200, FAILED, 601.0), FLAKY.pages[0])
    verification.verify_failures(Answer(200, FAILED, 601.0), FLAKY, one_fails)
    verification.verify_failures(Answer(200, PAGE, 601.0), FLAKY, verification._find_id(FLAKY, "answers"))
    with pytest.raises(TrialError, match=r"^The page says of 0 calls that they failed, and 1 of its calls did\.$"):
        verification.verify_failures(Answer(200, PAGE, 601.0), FLAKY, one_fails)
    with pytest.raises(TrialError, match=r"^The page says of 1 calls that they failed, and 0 of its calls did\.$"):
        verification.verify_failures(Answer(200, FAILED, 601.0), FLAKY, verification._find_id(FLAKY, "answers"))


def test_only_a_workload_whose_calls_fail_has_a_page_that_says_so() -> None:
    with pytest.raises(TrialError, match="is not the page that was expected"):
        verification.verify_page(Answer(200, FAILED, 601.0), WORKLOAD.pages[0])


@pytest.mark.parametrize("fate", ["answers", "fails", "hangs"])
def test_an_id_is_found_whose_calls_meet_what_is_wanted(fate: Any) -> None:
    fates = sorted(one.fate for one in verification._meant(FLAKY, verification._find_id(FLAKY, fate)))
    assert fates == sorted(["answers", "answers", fate])


def test_the_least_time_of_a_request_is_that_of_its_calls_as_they_are_made_and_drawn() -> None:
    assert verification._bounds_ms(WORKLOAD, "id") == (600, 1050)
    assert verification._bounds_ms(replace(WORKLOAD, order="in sequence"), "id") == (1050, 1050)
    assert verification._bounds_ms(replace(WORKLOAD, delays_ms=()), "id") == (0, 0)
    least, most = verification._bounds_ms(replace(WORKLOAD, answers="tail"), "id")
    assert least > 600
    assert most > 1050


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=lambda workload: workload.name)
def test_a_workloads_bounds_leave_room_between_parallel_and_sequence(workload: Workload) -> None:
    if workload.calls > 1 and workload.order == "parallel":
        assert workload.floor_ms < verification.SEQUENCE_SHARE * workload.sequence_ms
    assert replace(workload, delays_ms=(10, 20)).calls == 2
    if workload.order == "in sequence":
        assert workload.floor_ms == workload.sequence_ms == 1050


def test_pages_that_change_something_are_asked_last_and_of_the_others_the_first_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def ask(_port: int, page: Page, *_: object, **__: object) -> Answer:
        asked.append(page.name)
        return Answer(200, "", 5.0)

    monkeypatch.setattr(verification, "ask_page", ask)
    pages = (Page("first", "/"), Page("write", "/", method="POST"), Page("read", "/"))
    own = Workload("own", "", pages, (), makes_calls=False, calls_known=False)
    verification.verify_workload(0, 0, own)
    assert asked == ["read", "first", "write"]
    asked.clear()
    verification.verify_workload(0, 0, replace(own, pages=(pages[1], pages[0], pages[2])))
    assert asked == ["first", "read", "write"]
