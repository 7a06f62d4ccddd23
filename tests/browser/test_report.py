"""The report in a real browser: the address is its state, it shows what is chosen, and it judges nothing by itself."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

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
from stackmatrix.results.findings import Finding
from stackmatrix.results.model import Result
from tests import made_up, states

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
PATIENCE_S = 30
"""For a browser on a busy machine."""
PHONE_PX, DESK_PX = (390, 844), (1280, 900)
SMALLEST = 2_000_000
"""Bytes: a report is read over a train's wireless network."""
HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'
CHARTS = ("values", "differences", "forming", "ramp", "distribution")
VERDICT = "cpu-uvicorn-3.13-gunicorn_100_threads-3.13"

type Machines = dict[str, Sequence[Result]]

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


@pytest.fixture(scope="module")
def make_report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Machines], Path]:
    """Writes results as a run does, and gives the report that is made of them."""

    def make(machines: Machines) -> Path:
        folder = tmp_path_factory.mktemp("results")
        for machine, results in machines.items():
            made_up.write(folder, machine, results)
        assert cli.main(["summarize", "--results", str(folder)]) == 0
        return folder / "report.html"

    return make


@pytest.fixture(scope="module")
def report(make_report: Callable[[Machines], Path]) -> Path:
    """Of two machines; the first has more evidence."""
    fewer = made_up.make_results(("gunicorn_100_threads", "uvicorn"), workloads=("fanout",), blocks=3, seed=2)
    return make_report({"first-machine": made_up.make_results(blocks=6, stops=True), "second-machine": fewer})


@pytest.fixture
def look_at(browser: webdriver.Chrome) -> Iterator[Callable[..., None]]:
    """Opens a report at an address; afterwards, it must not have complained or asked for anything."""

    def look(page: Path, size: tuple[int, int] = DESK_PX, **state: object) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE_PX}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")
        for kind in ("browser", "performance"):
            logged(browser, kind)
        browser.get(f"{page.as_uri()}{'#' if state else ''}{urlencode(state, doseq=True)}")

    yield look
    assert logged(browser, "browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in logged(browser, "performance")]
    asked = {one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"}
    assert {url.split(":")[0] for url in asked} <= {"file", "data", "about"}
    assert browser.execute_script("return window.hacked") is None


def logged(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """What the browser has logged since it was asked last."""
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call] # selenium's
    return entries


def run(browser: webdriver.Chrome, expression: str, *arguments: object) -> Any:
    return browser.execute_script(f"return {expression}", *arguments)


def wait_for(browser: webdriver.Chrome, expression: str, *arguments: object) -> Any:
    """What an expression gives, as soon as it is true."""
    return WebDriverWait(browser, PATIENCE_S).until(lambda one: run(one, expression, *arguments))


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    """The text of every element, drawn in sight or not."""
    found: list[str] = run(
        browser, "[...document.querySelectorAll(arguments[0])].map((one) => one.textContent.trim())", selector
    )
    return found


def text(browser: webdriver.Chrome, selector: str) -> str:
    return " ".join(texts(browser, selector))


def data_of(browser: webdriver.Chrome) -> dict[str, Any]:
    data: dict[str, Any] = run(browser, "JSON.parse(document.getElementById('data').textContent)")
    return data


def show(browser: webdriver.Chrome, chart: str) -> None:
    """Scroll to the first chart of a kind and wait until it is drawn."""
    browser.execute_script("document.querySelector(`[data-chart=${arguments[0]}]`).scrollIntoView()", chart)
    wait_for(browser, "document.querySelector(`[data-chart=${arguments[0]}] svg`) !== null", chart)


def choose(browser: webdriver.Chrome, name: str, value: str) -> None:
    Select(browser.find_element(By.ID, name)).select_by_value(value)


def click(browser: webdriver.Chrome, selector: str) -> None:
    """Wherever it is on the page, and whatever is above it."""
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def ranking(browser: webdriver.Chrome, table: str = "ranking") -> list[list[str]]:
    """The rows of a table, without the links to them."""
    rows = f"[...document.querySelectorAll('#{table} tbody tr')]"
    cells = "(row) => Array.from(row.cells, (one) => one.textContent.split('\u00a0')[0])"
    found: list[list[str]] = run(browser, f"{rows}.map({cells})")
    return found


def is_in_sight(browser: webdriver.Chrome) -> bool:
    """Whether what is marked can be seen."""
    script = "(() => { const box = document.querySelector('.target')?.getBoundingClientRect(); return box && box.top >= 0 && box.top < innerHeight; })()"  # noqa: E501
    return bool(run(browser, script))


# What it shows


def test_every_chart_is_drawn_in_one_small_file(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    assert report.stat().st_size < SMALLEST
    look_at(report)
    for chart in CHARTS:
        show(browser, chart)


def test_every_word_on_the_page_is_one_of_the_data(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    machine = data_of(browser)["machines"][0]
    workload = machine["workloads"][0]
    said = [f"{one['lead']} {one['text']} evidence\u00a0#" for one in machine["statements"]]
    assert texts(browser, ".statements li") == said
    assert ranking(browser) == [row["texts"] for row in workload["ranking"]["rows"]]
    for figure in workload["figures"]:
        choose(browser, "figure", figure["name"])
        shown = [one for one in figure["comparisons"] if one["set"] == figure["sets"][0]["name"]]
        assert texts(browser, "#forming h3") == [f"{one['title']} #" for one in shown]
        assert texts(browser, "#forming figcaption p") == [text for one in shown for text in one["says"]]
        words = run(
            browser, "[...document.querySelectorAll('#forming figcaption p:first-of-type')].map((one) => one.className)"
        )
        assert words == [one["word"] for one in shown]
    ramps = [one for one in workload["ramps"] if one["number"] == 1]
    assert texts(browser, "#ramps figcaption p") == [text for one in ramps for text in one["says"]]


def test_what_a_deploy_does_is_shown_of_what_is_chosen_and_only_where_it_was_measured(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    rows = data_of(browser)["machines"][0]["workloads"][0]["stops"]["rows"]
    assert ranking(browser, "stops") == [row["texts"] for row in rows]
    assert len(rows) > 2
    assert browser.find_element(By.ID, "deploy").is_displayed()
    click(browser, "#stacks input[value=uvicorn]")
    assert ranking(browser, "stops") == [row["texts"] for row in rows if row["stack"] != "uvicorn"]
    look_at(report, machine="second-machine")
    assert not browser.find_element(By.ID, "deploy").is_displayed()


def test_the_script_has_no_numbers_to_judge_with(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    script = run(browser, "document.querySelector('script[type=module]').textContent")
    for word in ("toFixed", "Math.log", "better", "worse", "undecided", "matters", ".low", ".high", "sort("):
        assert word not in script


def test_a_void_run_has_a_banner_and_no_ranks(
    browser: webdriver.Chrome, look_at: Callable[..., None], make_report: Callable[[Machines], Path]
) -> None:
    look_at(make_report({"a-machine": made_up.make_results(workloads=("fanout",), found=False)}))
    banner = browser.find_element(By.ID, "void")
    assert banner.is_displayed()
    assert banner.text.startswith("Void: ")
    assert {row[0] for row in ranking(browser)} == {"–"}
    assert run(browser, "document.querySelectorAll('#forming .better, #forming .worse, #forming .same').length") == 0


def test_a_run_that_is_not_void_has_no_banner(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    assert not browser.find_element(By.ID, "void").is_displayed()


def test_the_page_without_results_says_how_to_make_some(
    browser: webdriver.Chrome, look_at: Callable[..., None], make_report: Callable[[Machines], Path]
) -> None:
    look_at(make_report({}))
    assert "nox -s matrix" in browser.find_element(By.ID, "none").text


def test_each_row_of_the_ranking_leads_to_its_result_file(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    paths = run(
        browser, "[...document.querySelectorAll('#ranking td a:not(.anchor)')].map((one) => one.getAttribute('href'))"
    )
    assert len(paths) == len(ranking(browser))
    assert all((report.parent / path).is_file() for path in paths)


# What is chosen


def test_charts_legends_and_tables_hold_what_is_chosen_and_nothing_else(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    before = ranking(browser)
    colours = {name: one["colour"] for name, one in data_of(browser)["looks"].items()}
    click(browser, "#stacks input[value=uvicorn]")
    click(browser, "#pythons input[value='3.12']")
    assert ranking(browser) == [row for row in before if row[1] != "uvicorn" and row[2] != "3.12"]
    assert texts(browser, "#legend li") == [
        f"{sign} {stack} on 3.13" for sign, stack in (("◆", "gunicorn_100_threads"), ("✚", "gunicorn_gevent"))
    ]
    assert not [text for text in texts(browser, ".card h3") if "uvicorn" in text or "3.12" in text]
    for chart in CHARTS:
        show(browser, chart)
    drawn = run(
        browser, "[...document.querySelectorAll('[data-chart] svg')].map((one) => one.outerHTML).join('').toLowerCase()"
    )
    assert colours["gunicorn_gevent"].lower() in drawn
    assert colours["uvicorn"].lower() not in drawn
    assert "uvicorn" not in drawn
    assert "3.12" not in drawn


def test_what_was_not_measured_is_said_and_can_be_chosen(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    for stack in data_of(browser)["looks"]:
        click(browser, f"#stacks input[value={stack}]")
    assert ranking(browser) == []
    said = run(browser, "getComputedStyle(document.getElementById('ramps'), '::before').content")
    assert "No ramp was driven" in said
    assert run(browser, "document.querySelectorAll('[data-chart]').length") == 0
    click(browser, "#stacks input[value=uvicorn]")
    assert {row[1] for row in ranking(browser)} == {"uvicorn"}


# The address


def test_a_link_brings_back_everything_that_was_chosen(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    choose(browser, "workload", "fanout")
    choose(browser, "figure", "memory")
    choose(browser, "set", "pairs")
    choose(browser, "ramp", "2")
    click(browser, "#stacks input[value=uwsgi_2_threads]")
    click(browser, "#pythons input[value='3.12']")
    shown = ranking(browser), texts(browser, "h3, p, #legend li")
    address = browser.current_url
    browser.get("about:blank")
    browser.get(address)
    assert (ranking(browser), texts(browser, "h3, p, #legend li")) == shown
    chosen = {name: Select(browser.find_element(By.ID, name)).first_selected_option.get_attribute("value")
              for name in ("machine", "workload", "figure", "set", "ramp")}  # fmt: skip
    assert chosen == {
        "machine": "first-machine", "workload": "fanout", "figure": "memory", "set": "pairs", "ramp": "2",
    }  # fmt: skip
    assert not browser.find_element(By.CSS_SELECTOR, "#stacks input[value=uwsgi_2_threads]").is_selected()
    assert not browser.find_element(By.CSS_SELECTOR, "#pythons input[value='3.12']").is_selected()


def test_back_and_forward_go_through_what_was_chosen(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    first = ranking(browser)
    choose(browser, "machine", "second-machine")
    second = ranking(browser)
    assert second != first
    browser.back()
    wait_for(browser, "document.getElementById('machine').value === 'first-machine'")
    assert ranking(browser) == first
    browser.forward()
    wait_for(browser, "document.getElementById('machine').value === 'second-machine'")
    assert ranking(browser) == second


def test_every_sentence_verdict_and_ramp_has_a_link_that_leads_to_it(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    keys = run(browser, "[...document.querySelectorAll('[data-key]')].map((one) => one.dataset.key)")
    links = run(browser, "[...document.querySelectorAll('a.anchor')].map((one) => one.hash)")
    assert len(set(keys)) == len(keys) == len(links)
    kinds = {key.split("-")[0]: place for place, key in enumerate(keys)}
    assert set(kinds) == {"answer", "rank", "cpu", "ramp", "stop"}
    for place in kinds.values():
        browser.get("about:blank")
        browser.get(f"{report.as_uri()}{links[place]}")
        assert run(browser, "document.querySelector('.target').dataset.key") == keys[place]
        assert is_in_sight(browser)


def test_a_link_to_a_verdict_shows_it_whatever_else_is_chosen(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report, figure="memory", set="python", stack="gunicorn_gevent", python="3.12", at=VERDICT)
    assert run(browser, "document.querySelector('.target').dataset.key") == VERDICT
    assert is_in_sight(browser)
    click(browser, "#stacks input[value=gunicorn_gevent]")
    assert VERDICT in run(browser, "[...document.querySelectorAll('.card')].map((one) => one.dataset.key)")


def test_an_address_of_what_is_not_there_shows_what_is(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report, machine="no such", workload=HOSTILE, figure="none", ramp="99", at='"]x')
    assert run(browser, "document.getElementById('machine').value") == "first-machine"
    assert ranking(browser)


# Who reads it


def test_everything_is_reached_and_chosen_with_the_keyboard(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    wanted = {"machine", "workload", "uvicorn", "3.13", "figure", "set", "ramp"}
    reached: set[str] = set()
    for _ in range(150):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        focused = browser.switch_to.active_element
        name = focused.get_attribute("id") or focused.get_attribute("value") or ""
        if name == "uvicorn" and name not in reached:
            focused.send_keys(Keys.SPACE)
            assert run(browser, "document.activeElement.value") == "uvicorn", "the focus stays where it was"
        reached.add(name)
        if wanted <= reached:
            break
    assert wanted <= reached
    assert "uvicorn" not in {row[1] for row in ranking(browser)}


def test_every_control_and_every_chart_has_a_name(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    unnamed = "[...document.querySelectorAll('select, input')].filter((one) => !one.labels.length || !one.labels[0].textContent.trim())"  # noqa: E501
    assert run(browser, f"{unnamed}.length") == 0
    assert run(browser, "[...document.querySelectorAll('[data-chart]')].every((one) => one.getAttribute('aria-label'))")


@pytest.mark.parametrize("size", [PHONE_PX, DESK_PX])
def test_nothing_is_wider_than_the_screen_but_what_scrolls_by_itself(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path, size: tuple[int, int]
) -> None:
    look_at(report, size)
    for chart in CHARTS:
        show(browser, chart)
    assert run(browser, "document.documentElement.scrollWidth") <= size[0]
    too_wide = "[...document.querySelectorAll('[data-chart] svg')].filter((one) => one.getBoundingClientRect().right > arguments[0])"  # noqa: E501
    assert run(browser, f"{too_wide}.length", size[0]) == 0


def test_hostile_text_in_a_result_is_shown_as_text(
    browser: webdriver.Chrome, look_at: Callable[..., None], make_report: Callable[[Machines], Path]
) -> None:
    spoilt = []
    finding = Finding(code="x", severity="note", sentence=HOSTILE)
    for one in made_up.make_results(("gunicorn_100_threads", "uvicorn"), ("3.13",), ("fanout",)):
        assert one.conditions is not None
        served = msgspec.structs.replace(one.conditions.environment, packages={HOSTILE: HOSTILE}, command=(HOSTILE,))
        machine = msgspec.structs.replace(one.conditions.machine, cpu_model=HOSTILE, os=HOSTILE)
        conditions = msgspec.structs.replace(one.conditions, machine=machine, environment=served)
        ramps = tuple(msgspec.structs.replace(ramp, findings=(finding,)) for ramp in one.ramps)
        spoilt.append(msgspec.structs.replace(one, conditions=conditions, ramps=ramps))
    look_at(make_report({"a-machine": spoilt}))
    for chart in CHARTS:
        show(browser, chart)
    for selector in ("#about", "#remarks", "#conditions", "#environments"):
        assert "<img src=x" in text(browser, selector)
    assert run(browser, "document.querySelectorAll('img').length") == 0


def test_of_many_stacks_charts_show_some_tables_all_and_a_link_chooses_all(
    browser: webdriver.Chrome, look_at: Callable[..., None], make_report: Callable[[Machines], Path]
) -> None:
    every = made_up.make_results(list(STACKS), ["3.14"], ["fanout_shared_client"], blocks=3, ramps=1)
    page = make_report({"many": every})
    look_at(page)
    assert len(texts(browser, "#ranking tbody tr")) == len(STACKS)
    few = len(texts(browser, "#ramps .card"))
    assert 0 < few < len(STACKS)
    assert text(browser, "#every") == f"all {len(STACKS)}"
    browser.find_element(By.CSS_SELECTOR, "#every a").click()
    wait_for(browser, f"document.querySelectorAll('#ramps .card').length === {len(STACKS)}")
    assert "stack=all" in browser.current_url
    browser.find_element(By.CSS_SELECTOR, "#every a").click()
    wait_for(browser, f"document.querySelectorAll('#ramps .card').length === {few}")
    look_at(page, stack="uvicorn")
    assert len(texts(browser, "#ranking tbody tr")) == 1


def test_what_cells_were_earlier_is_drawn_with_the_words_of_the_latest_change(
    browser: webdriver.Chrome, look_at: Callable[..., None], tmp_path: Path
) -> None:
    git = ("git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")
    later = states.after(costs={"uvicorn": 1.15}, ramps=1)
    for results in (states.before(ramps=1), later):
        made_up.write(tmp_path / "results", "a-machine", results)
        for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message=results")):
            subprocess.run([*git, *command], cwd=tmp_path, check=True)
    assert cli.main(["summarize", "--results", str(tmp_path / "results")]) == 0
    for size in (PHONE_PX, DESK_PX):
        look_at(tmp_path / "results" / "report.html", size)
        show(browser, "history")
        assert run(browser, "document.documentElement.scrollWidth") <= size[0]
    assert len(texts(browser, "#courses .card")) == len(states.STACKS)
    (said,) = texts(browser, "[data-key='history-cpu-uvicorn-3.13'] .worse")
    assert re.fullmatch(r"Latest: \d+ % more CPU \(.*\), by its ratio to gunicorn_100_threads\.", said)
    click(browser, "#stacks input[value=uvicorn]")
    assert len(texts(browser, "#courses .card")) == len(states.STACKS) - 1


def test_of_results_outside_of_a_clone_it_says_that_there_is_no_history(
    browser: webdriver.Chrome, look_at: Callable[..., None], report: Path
) -> None:
    look_at(report)
    assert text(browser, "#history-note").startswith("There is no history")
    assert texts(browser, "#courses .card") == []
