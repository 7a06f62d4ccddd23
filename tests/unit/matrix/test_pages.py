"""What is asked for, and what makes an answer right."""

import json
from dataclasses import asdict

import pytest

from stackmatrix.matrix.pages import Expectation, Likeness, Page, page_of

HTML = "<html><head><title> Shop </title></head><body>" + "x" * 1000 + "</body></html>"


@pytest.mark.parametrize(
    ("expect", "status", "headers", "body", "why"),
    [
        (Expectation(), 200, {}, "", None),
        (Expectation(), 500, {}, "", "answered 500 where 200 is right"),
        (Expectation(pattern="a+"), 200, {}, "aab", "is not the page that was expected"),
        (Expectation(contains=("a", "b")), 200, {}, "a", "lacks 'b'"),
        (Expectation(json=(("results.0.title", "x"),)), 200, {}, '{"results": [{"title": "x"}]}', None),
        (Expectation(json=(("results.0.title", "x"),)), 200, {}, '{"results": []}', "has no results.0.title in its"),
        (Expectation(json=(("a", 1),)), 200, {}, '{"a": 2}', "has 2 as a in its JSON, not 1"),
        (Expectation(json=(("a", 1),)), 200, {}, "<p>", "is no JSON"),
        (Expectation(302, location="/b/"), 302, {"location": "http://127.0.0.1:8000/b/"}, "", None),
        (Expectation(302, location="/b/"), 302, {"location": "/a/"}, "", "leads to '/a/', not to '/b/'"),
    ],
)
def test_an_answer_is_right_when_all_that_was_expected_of_it_holds(
    expect: Expectation, status: int, headers: dict[str, str], body: str, why: str | None
) -> None:
    found = expect.why_wrong(status, headers, body)

    assert found is None if why is None else found is not None and found.startswith(why)


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        ("text/html", HTML + "x" * 20, None),
        ("text/html; charset=utf-8", HTML, None),
        ("text/html", HTML + "x" * 100, f"has {len(HTML) + 100} characters"),
        ("application/json", HTML, "is application/json"),
        ("text/html", HTML.replace("Shop", "Error"), "has the title 'Error'"),
    ],
)
def test_right_answers_to_one_page_are_alike(content_type: str, body: str, why: str | None) -> None:
    found = Likeness.of("text/html", HTML).why_unlike(content_type, body)

    assert found is None if why is None else found is not None and found.startswith(why)


def test_a_short_answer_may_differ_by_a_few_characters() -> None:
    first = Likeness.of("application/json", '{"id": 9}')
    assert first.why_unlike("application/json", '{"id": 100000}') is None
    assert first.why_unlike("application/json", '{"error": "there is no such thing, or no more"}') is not None


def test_a_redirect_leads_to_a_path_as_it_is_written() -> None:
    expect = Expectation(302, location="/café/")
    assert expect.why_wrong(302, {"location": "http://a.example/caf%C3%A9/"}, "") is None


def test_values_take_turns_and_every_request_has_a_number_of_its_own() -> None:
    page = Page("tags", "/{slug}/?q={n}", body='{"t": "{n}"}', values=(("slug", ("a", "b")),))

    assert [page.request(number) for number in (0, 1, 2)] == [
        ("/a/?q=0", b'{"t": "0"}'),
        ("/b/?q=1", b'{"t": "1"}'),
        ("/a/?q=2", b'{"t": "2"}'),
    ]


def test_a_page_survives_json() -> None:
    expect = Expectation(contains=("x",), json=(("a.b", 1),), like=Likeness("text/html", "T", 9))
    page = Page("p", "/{a}/", 2.0, "POST", (("Accept", "*/*"),), "{n}", (("a", ("1", "2")),), expect)

    assert page_of(json.loads(json.dumps(asdict(page)))) == page
