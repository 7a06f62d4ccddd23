"""Pages that are asked for alone: one that is not right any more is told as what other requests have changed."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from stackmatrix.errors import TrialError
from stackmatrix.matrix.pages import Expectation, Page
from stackmatrix.system.http import Answer
from stackmatrix.testbed import unloaded


@dataclass
class Bed:
    """A testbed of one target with these pages."""

    pages: tuple[Page, ...]

    @property
    def places(self) -> list[Any]:
        return [SimpleNamespace(port=1, subject=SimpleNamespace(workload=SimpleNamespace(pages=self.pages)))]

    def tick(self) -> None:
        pass


def test_a_page_that_is_not_right_any_more_is_told_with_what_may_have_changed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bodies = iter(["1 user", "1 user", "2 users", "2 users", "2 users"])
    monkeypatch.setattr(unloaded, "ask_page", lambda *_, **__: Answer(200, next(bodies), 5.0))
    page = Page("/users/", "/users/", expect=Expectation(contains=("1 user",)))
    bed: Any = Bed((page,))
    with pytest.raises(TrialError) as error:
        unloaded.measure_unloaded(bed)
    assert str(error.value) == (
        "/users/: Right when asked first, wrong under load: lacks '1 user'. Does a [[request]] of this file change it?"
    )
