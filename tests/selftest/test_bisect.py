"""What takes minutes of bisecting: a whole bisection, mixtures that do not work, and the locks of two revisions."""

# ruff: noqa: F401, F811 - fixtures are used by their names

from pathlib import Path

import pytest

from tests.process.test_bisect import (
    URLS,
    bisected,
    commit,
    confirmed,
    few,
    git,
    left_behind,
    needs_valgrind,
    packages,
    pinned,
    shop,
)


@needs_valgrind
def test_the_package_that_costs_is_named_after_what_it_needs_and_confirmed_against_the_list_before_it(
    shop: Path, confirmed: list[tuple[str, str]]
) -> None:
    pinned(shop, "old.txt", "1.0", "1.0", "1.0")
    pinned(shop, "new.txt", "2.0", "2.0", "2.0")
    found, said = bisected(shop, "--a", "old.txt", "--b", "new.txt")
    assert [[one.name for one in step] for step in found.order] == [["tiny-c"], ["tiny-a"], ["tiny-b"]]
    (culprit,) = found.found
    assert [(one.name, one.base, one.head) for one in culprit.packages] == [("tiny-b", "1.0", "2.0")]
    assert culprit.kind == "step"
    whole = found.head_instructions - found.base_instructions
    assert culprit.after - culprit.before == pytest.approx(whole, rel=0.1)
    assert culprit.after > 1.2 * culprit.before
    assert {one.moved for one in found.counted} == {0, 1, 2, 3}
    assert "counting 3 of 3 packages moved: " in said
    assert "tiny-b 1.0 → 2.0" in said
    assert "was not confirmed by CPU time: It was not measured here." in said
    ((before, after),) = confirmed
    assert ("tiny-b==1.0" in before, "tiny-b==2.0" in after) == (True, True)
    assert before.replace("tiny-b==1.0", "tiny-b==2.0") == after
    assert "uvicorn==" in before
    assert left_behind() == []


@needs_valgrind
@pytest.mark.usefixtures("confirmed")
def test_a_mixture_whose_pages_fail_is_skipped_and_said(shop: Path) -> None:
    pinned(shop, "requirements.txt", "1.0", "3.0", "1.0")
    found, said = bisected(
        shop, "--a", "tiny_a==1.0 tiny_b==3.0 tiny_c==1.0", "--b", "tiny_a==2.0 tiny_b==1.0 tiny_c==2.0"
    )
    skipped = [one for one in found.counted if one.skipped is not None]
    assert [one.moved for one in skipped] == [1]
    assert "skipping 1 of 3 packages moved: " in said
    assert "do not get on" in str(skipped[0].skipped)
    (culprit,) = found.found
    assert [one.name for one in culprit.packages] == ["tiny-a", "tiny-b"]
    assert culprit.kind == "unworkable"
    assert culprit.after < culprit.before
    assert left_behind() == []


@needs_valgrind
def test_of_two_revisions_the_locks_are_bisected_and_every_mixture_has_the_heads_code(
    shop: Path, confirmed: list[tuple[str, str]]
) -> None:
    pinned(shop, "requirements.txt", "1.0", "1.0", "1.0")
    (shop / "mysite" / "urls.py").write_text("raise ImportError('the code of the base')\n")
    commit(shop, "base")
    git(shop, "tag", "before")
    pinned(shop, "requirements.txt", "1.0", "2.0", "2.0")
    (shop / "mysite" / "urls.py").write_text(URLS)
    commit(shop, "head")
    (shop / "mysite" / "urls.py").write_text("raise ImportError('the working tree')\n")
    found, said = bisected(shop, "--a", "before", "--b", "HEAD")
    assert "All mixtures have the code of HEAD" in said
    assert [[one.name for one in step] for step in found.order] == [["tiny-c"], ["tiny-b"]]
    assert [[one.name for one in each.packages] for each in found.found] == [["tiny-b"]]
    assert found.head.commit is not None
    ((before, after),) = confirmed
    assert "tiny-b==1.0\ntiny-c==2.0" in before
    assert "tiny-b==2.0\ntiny-c==2.0" in after
    assert len(git(shop, "worktree", "list").splitlines()) == 1
