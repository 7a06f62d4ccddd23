"""The workloads of somebody's own application, and their names."""

import pytest

from stackmatrix.matrix.app_workloads import ALL_PAGES, FRONT, workloads_of
from stackmatrix.matrix.pages import Page
from stackmatrix.matrix.workloads import EVERY_WORKLOAD, WORKLOADS


def pages(*names: str) -> list[Page]:
    return [Page(name, "/") for name in names]


def names(*of_pages: str) -> list[str]:
    return [one.name for one in workloads_of(pages(*of_pages))]


def test_all_pages_are_a_workload_and_each_is_one_alone() -> None:
    together, *alone = workloads_of(pages("/", "/blog/"))
    assert (together.name, [page.name for page in together.pages]) == (ALL_PAGES, ["/", "/blog/"])
    assert [(one.name, [page.name for page in one.pages]) for one in alone] == [(FRONT, ["/"]), ("blog", ["/blog/"])]
    assert not any(one.calls_known or one.makes_calls for one in (together, *alone))


def test_a_single_page_is_no_second_workload() -> None:
    assert names("/blog/") == [ALL_PAGES]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("/", FRONT),
        ("POST /api/events/create", "post-api-events-create"),
        ("/snippets/?format=json", "snippets-format-json"),
        ("/../", FRONT),
        ("/Blog/", "blog"),
        ("/pages/", "pages-2"),
        (f"/{EVERY_WORKLOAD}/", f"{EVERY_WORKLOAD}-2"),
        *((f"/{name}/", f"{name}-2") for name in WORKLOADS),
    ],
)
def test_a_page_is_called_as_a_folder_can_be_and_nothing_else_is(name: str, called: str) -> None:
    assert names("/first/", name) == [ALL_PAGES, "first", called]


def test_pages_that_would_be_called_the_same_are_numbered_however_many() -> None:
    found = names(*(f"/a{'-' * count}b/" for count in range(1, 120)))
    assert found[1:4] == ["a-b", "a--b", "a---b"]
    found = names(*(f"/a{'!' * count}b/" for count in range(1, 120)))
    assert found[1:4] == ["a-b", "a-b-2", "a-b-3"]
    assert len(set(found)) == 120
