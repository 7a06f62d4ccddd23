"""The report in a real browser: every control does what it says, no network is asked, nothing hostile runs."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from stackmatrix import cli
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.report.charts import COLOURS, SHAPES
from stackmatrix.results import store
from stackmatrix.results.capacity import Capacity, SloCapacity
from stackmatrix.results.cost import Cost, CostBlock
from stackmatrix.results.levels import Level
from stackmatrix.results.model import Result
from stackmatrix.system.processes import PROJECT

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
PATIENCE_S = 30
"""For a browser on a busy machine."""
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'

pytestmark = pytest.mark.skipif(DRIVER is None or BROWSER is None, reason="chromium and chromedriver are not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Ends with this module: other tests look for processes that were left behind."""
    options = Options()
    options.binary_location = BROWSER or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def told(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """What the browser has logged since it was asked last."""
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call] # selenium's
    return entries


@pytest.fixture
def committed() -> list[tuple[str, Result]]:
    """Some real results of the project, of two machines and two workloads."""
    read = list(store.read_results(PROJECT / "results"))
    return [(machine, result) for machine, result in read if isinstance(result, Result)]


@pytest.fixture
def open_report(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Summarises results and opens their report; afterwards, it must not have complained or asked for anything."""

    def open_it(results: list[tuple[str, Result]], width: int = 1200) -> None:
        for machine, result in results:
            store.write_result(tmp_path, machine, result)
        assert cli.main(["summarize", "--results", str(tmp_path)]) == 0
        metrics = {**PHONE, "width": width, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")
        for kind in ("browser", "performance"):
            told(browser, kind)
        browser.get((tmp_path / "report.html").as_uri())

    yield open_it
    assert told(browser, "browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in told(browser, "performance")]
    asked = {one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"}
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "about"}
    assert browser.execute_script("return window.hacked") is None


def wait_for(browser: webdriver.Chrome, script: str) -> Any:
    """What a script returns, as soon as it is true."""
    return WebDriverWait(browser, PATIENCE_S).until(lambda one: one.execute_script(f"return {script}"))


def show(browser: webdriver.Chrome, chart: str) -> None:
    """Scroll to a chart and wait until it is drawn."""
    browser.execute_script(f"document.querySelector('[data-chart={chart}]').scrollIntoView()")
    wait_for(browser, f"document.querySelector('[data-chart={chart}] svg') !== null")


def all_of(selector: str, what: str) -> str:
    """A script that gives one property of all elements."""
    return f"[...document.querySelectorAll('{selector}')].map((one) => one.{what}).join()"


def marks(browser: webdriver.Chrome, chart: str, kind: str) -> int:
    """How many marks of a kind a chart has."""
    script = f"return document.querySelectorAll('[data-chart={chart}] svg .mark-{kind} path').length"
    return int(browser.execute_script(script))


def choose(browser: webdriver.Chrome, name: str, text: str) -> None:
    select = Select(browser.find_element(By.ID, name))
    select.select_by_visible_text(text)


def text_of(browser: webdriver.Chrome, name: str) -> str:
    return str(browser.find_element(By.ID, name).text)


def rows(browser: webdriver.Chrome) -> list[list[str]]:
    table = browser.find_elements(By.CSS_SELECTOR, "#ranking tbody tr")
    return [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in table]


def test_every_chart_is_drawn_and_each_control_changes_what_it_says(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    open_report(committed)
    known = browser.execute_script("return DATA.machines.map((one) => one.name)")
    assert set(known) == {machine for machine, _ in committed}
    choose(browser, "machine", "amd-epyc-25-1-1-2-cores")
    for name in ("throughput", "latency", "distribution", "cpu", "memory"):
        show(browser, name)

    assert "within 15 % of it, so not to be told apart" in text_of(browser, "sentences")
    before = rows(browser)
    lines = marks(browser, "throughput", "line")
    box = browser.find_element(By.CSS_SELECTOR, "#stacks input[value=uvicorn]")
    box.click()
    assert [row for row in before if row[1] != "uvicorn"] == rows(browser)
    wait_for(browser, f"document.querySelectorAll('[data-chart=throughput] svg .mark-line path').length < {lines}")

    older = browser.find_element(By.CSS_SELECTOR, "#pythons input[value='3.12']")
    assert not older.is_selected(), "one Python to begin with: lines of all would hide each other"
    older.click()
    assert {row[2] for row in rows(browser)} == {"3.12", "3.13"}

    choose(browser, "slo", "p99 within 1200 ms")
    assert "1200 ms" in text_of(browser, "ranking")
    choose(browser, "workload", "fanout_shared_client: one pooled httpx client per process")
    assert rows(browser) != before

    show(browser, "latency")
    labels = all_of("[data-chart=latency] svg path[aria-label]", "ariaLabel")
    at_p95 = wait_for(browser, labels)
    choose(browser, "percentile", "p50")
    wait_for(browser, f"{labels} !== {json.dumps(at_p95)}")

    show(browser, "distribution")
    curves = all_of("[data-chart=distribution] svg .mark-line path", "outerHTML")
    at_first = wait_for(browser, curves)
    choose(browser, "level", "users=10")
    wait_for(browser, f"{curves} !== {json.dumps(at_first)}")


def test_what_was_not_measured_is_said_and_can_be_chosen(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    open_report(committed)
    for box in browser.find_elements(By.CSS_SELECTOR, "#stacks input:checked"):
        box.click()
    assert rows(browser) == []
    assert "Nothing was measured of what is chosen" in text_of(browser, "sentences")
    browser.find_element(By.CSS_SELECTOR, "#stacks input").click()
    assert len(rows(browser)) == 1


def test_the_page_without_results_says_how_to_make_some(
    browser: webdriver.Chrome, open_report: Callable[..., None]
) -> None:
    open_report([])
    assert "nox -s matrix" in browser.find_element(By.TAG_NAME, "main").text


def test_everything_is_reached_and_chosen_with_the_keyboard(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    open_report(committed)
    reached = []
    for _ in range(40):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.switch_to.active_element
        reached.append(focused.get_attribute("id") or focused.get_attribute("value") or "")
        if reached[-1] == "uvicorn" and reached.count("uvicorn") == 1:
            focused.send_keys(Keys.SPACE)
    assert {"machine", "workload", "slo", "uvicorn", "3.13", "percentile", "level"} <= set(reached)
    assert "uvicorn" not in {row[1] for row in rows(browser)}


def test_on_a_phone_nothing_is_wider_than_the_screen_but_what_scrolls_by_itself(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    open_report(committed, width=390)
    for name in ("throughput", "latency", "distribution", "cpu", "memory"):
        show(browser, name)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def holding(result: Result, blocks_by_slo: dict[float, float]) -> Result:
    """The result, with a capacity that was the same in six blocks."""
    sustained = tuple(
        SloCapacity(slo_ms=slo_ms, state="found", last_pass=rate, first_fail=rate * 1.05, low=rate, high=rate,
                  blocks=(rate,) * 6, limiter="target-cpu")
        for slo_ms, rate in blocks_by_slo.items()
    )  # fmt: skip
    capacity = Capacity(
        run_id="one", started="", duration_s=1, seed=1, git_commit=None, python=None, lock_sha256="0", scouted=(),
        probes=(), sustained=sustained,
    )  # fmt: skip
    return msgspec.structs.replace(result, capacity=capacity)


def test_the_chosen_objective_ranks_the_stacks_by_what_they_hold_under_it(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    machine, results = committed[0][0], [one for machine, one in committed if machine == committed[0][0]]
    by_stack = {one.cell.stack: one for one in results if one.cell.python == "3.13" and one.trials}
    first, second = by_stack["uvicorn"], by_stack["gunicorn_100_threads"]
    assert first.cell.workload == second.cell.workload
    open_report([
        (machine, holding(first, {750.0: 40.0, 1200.0: 50.0})),
        (machine, holding(second, {750.0: 60.0, 1200.0: 51.0})),
    ])  # fmt: skip
    choose(browser, "slo", "p99 within 750 ms")
    assert [row[:2] for row in rows(browser)] == [["1", "gunicorn_100_threads"], ["2", "uvicorn"]]
    assert "gunicorn_100_threads 3.13, 60" in text_of(browser, "sentences")
    assert "cannot be told" not in text_of(browser, "sentences")
    assert "Capacity with p99 within 750 ms" in text_of(browser, "verdicts")
    choose(browser, "slo", "p99 within 1200 ms")
    assert [row[:2] for row in rows(browser)] == [["1", "gunicorn_100_threads"], ["1", "uvicorn"]]
    assert "It cannot be told from uvicorn 3.13." in text_of(browser, "sentences")
    assert "Capacity with p99 within 750 ms" not in text_of(browser, "verdicts")


def test_costs_side_by_side_have_a_chart_a_column_and_the_answer(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    machine, results = committed[0][0], [one for machine, one in committed if machine == committed[0][0]]
    by_stack = {one.cell.stack: one for one in results if one.cell.python == "3.13" and one.trials}

    def costing(result: Result, *costs: float) -> Result:
        blocks = tuple(
            CostBlock(block=place, place=0, window_s=10, requests=100, failures={}, cpu_ms_per_request=cost,
                      idle_share=0, validity="valid", findings=())
            for place, cost in enumerate(costs)
        )  # fmt: skip
        cost = Cost(
            run_id="one", started="", duration_s=1, seed=1, git_commit=None, python=None, lock_sha256="0", rate=20,
            together=2, blocks=blocks,
        )  # fmt: skip
        return msgspec.structs.replace(result, cost=cost)

    steady = (5.0, 5.1, 5.0, 4.9, 5.0, 5.1)
    open_report([
        (machine, costing(by_stack["gunicorn_100_threads"], *steady)),
        (machine, costing(by_stack["uvicorn"], *(1.5 * one for one in steady))),
    ])  # fmt: skip
    assert "measured side by side, is 5.00 ms, of gunicorn_100_threads 3.13." in text_of(browser, "sentences")
    assert "Ranks by CPU per request side by side" in text_of(browser, "ranking-note")
    assert [row[:2] for row in rows(browser)] == [["1", "gunicorn_100_threads"], ["2", "uvicorn"]]
    assert {row[8] for row in rows(browser)} == {"5.00", "7.50"}
    assert "CPU per request side by side" in text_of(browser, "verdicts")
    show(browser, "beside")


def test_hostile_text_in_a_result_is_shown_as_text(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    machine, one = next((machine, one) for machine, one in committed if one.cell.stack == "uvicorn")
    spoilt = msgspec.to_builtins(one)
    for trial in spoilt["trials"]:
        for level in trial["levels"]:
            level["findings"] = [{"code": HOSTILE, "severity": "invalid", "sentence": HOSTILE}]
            level["failures"] = {HOSTILE: 1}
    spoilt["machine"] |= {"cpu_model": HOSTILE, "os": HOSTILE, "kernel": HOSTILE}
    spoilt["environment"]["packages"] = {"django": HOSTILE, HOSTILE: HOSTILE}
    spoilt["environment"]["command"] = [HOSTILE]
    spoilt["environment"]["python"] |= {"version": HOSTILE, "compiler": HOSTILE}
    spoilt["status"] = {"state": "unstable", "reason": HOSTILE}
    open_report([(machine, msgspec.convert(spoilt, Result, strict=False))])
    for name in ("throughput", "cpu", "memory"):
        show(browser, name)
    shown = text_of(browser, "findings") + text_of(browser, "environment")
    assert shown.count("<img src=x") >= 4


def test_a_level_that_is_invalid_in_every_block_is_marked_in_the_chart(
    browser: webdriver.Chrome, open_report: Callable[..., None], committed: list[tuple[str, Result]]
) -> None:
    machine, one = next((machine, one) for machine, one in committed if one.cell.stack == "uvicorn")

    def refuse(level: Level) -> Level:
        return msgspec.structs.replace(level, validity="invalid") if level.users == 10 else level

    trials = tuple(msgspec.structs.replace(trial, levels=tuple(map(refuse, trial.levels))) for trial in one.trials)
    open_report([(machine, msgspec.structs.replace(one, trials=trials))])
    show(browser, "throughput")
    invalid = {level.users for trial in trials for level in trial.levels if level.validity == "invalid"} - {None}
    assert 10 in invalid
    assert wait_for(browser, all_of("[data-chart=throughput] svg text", "textContent")).count("✕") == len(invalid)
    assert "invalid" in text_of(browser, "findings")


def test_stacks_have_different_colours_and_shapes() -> None:
    assert len(set(COLOURS)) == len(COLOURS) >= len(STACKS)
    assert len(set(SHAPES)) == len(SHAPES) >= len(STACKS)
