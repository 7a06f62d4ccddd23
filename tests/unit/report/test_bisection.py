"""What a bisection has found is said in sentences, the most important one first, and shown in a table."""

import msgspec
import pytest

from stackmatrix.report.comparison.bisection import found_table, listed, sentences, titles
from stackmatrix.results.bisection import BISECTION_FORMAT, Bisection, CostlyStep, CountedMixture, decode, encode
from stackmatrix.results.comparison import ComparedFigure, PackageChange, Side

DJANGO = PackageChange(name="django", base="4.2.7", head="5.2.1")
ASGIREF = PackageChange(name="asgiref", base="3.7", head="3.8")
NEW, OLD = PackageChange(name="new", base=None, head="1.0"), PackageChange(name="pytz", base="2023", head=None)
OTHERS = tuple(PackageChange(name=f"other-{place}", base="1", head="2") for place in range(20))


def step(*packages: PackageChange, before: float, after: float, low: int = 2, kind: str = "step") -> CostlyStep:
    content = {
        "packages": packages, "kind": kind, "low": low, "high": low + len(packages), "before": before, "after": after,
    }  # fmt: skip
    return msgspec.convert(content, CostlyStep)


def document(*found: CostlyStep, head: float = 10.77e6, skipped: tuple[CountedMixture, ...] = ()) -> Bisection:
    return Bisection(
        format_version=BISECTION_FORMAT,
        machine="here",
        app="shop",
        base=Side(title="old.txt", kind="file"),
        head=Side(title="new.txt", kind="file"),
        stack="uvicorn",
        python="3.13",
        workload="pages",
        counter="valgrind-3.19.0",
        order=((ASGIREF,), (NEW,), (DJANGO,), (OLD,), *((one,) for one in OTHERS)),
        counted=(CountedMixture(moved=0, instructions=(9.7e6,)), *skipped),
        base_instructions=9.7e6,
        head_instructions=head,
        found=found,
    )


COSTLY = step(DJANGO, before=9.7e6, after=10.48e6)


def test_a_step_is_its_part_of_the_whole_and_the_rest_is_told() -> None:
    (told,) = sentences(document(COSTLY))
    assert told == (
        "django 4.2.7 → 5.2.1 makes 8 % of the 11 % more instructions (0.78 of 1.07 million); "
        "the other 23 packages together: 3 % more."
    )
    (told,) = sentences(document(COSTLY, head=10.5e6))
    assert told.endswith(
        "of the 8.2 % more instructions (0.78 of 0.80 million); the other 23 packages together: less than 1 %."
    )


def test_where_every_package_was_found_nothing_is_left() -> None:
    group = step(ASGIREF, NEW, DJANGO, OLD, *OTHERS, before=9.7e6, after=10.77e6, low=0, kind="spread")
    (told,) = sentences(document(group))
    assert told.endswith("makes 11 % of the 11 % more instructions (1.07 of 1.07 million).")
    assert len(found_table(document(group)).cells) == 1
    (told,) = sentences(document(msgspec.structs.replace(group, packages=group.packages[1:])))
    assert told.endswith("; the other package: less than 1 %.")


def test_a_gain_within_a_loss_is_what_it_saves_and_so_is_what_cancels_out() -> None:
    (told,) = sentences(document(COSTLY, step(ASGIREF, before=10.48e6, after=10.28e6, low=0), head=10.3e6))
    assert "asgiref 3.7 → 3.8 saves 2.1 % (0.20 million)" in told
    first, second = sentences(document(COSTLY, step(ASGIREF, before=10.48e6, after=9.7e6, low=0), head=9.71e6))
    assert first == "new.txt takes as many instructions as old.txt, within 1%."
    assert second.startswith(
        "django 4.2.7 → 5.2.1 costs 8 % (0.78 million); asgiref 3.7 → 3.8 saves 8 % (0.78 million);"
    )


def test_where_nothing_is_found_that_is_said() -> None:
    assert (
        list(sentences(document(head=9.7e6)))[-1] == "No package, and no half of them, costs or saves more than that."
    )
    assert list(sentences(document(head=9.9e6))) == ["No package stands out of the 2.1 % more instructions."]


def test_a_group_says_why_it_is_one_and_names_some_of_its_packages() -> None:
    group = step(*OTHERS, before=9.7e6, after=10.7e6, kind="unworkable")
    (told,) = sentences(document(group))
    assert told.startswith("other-0 1 → 2, other-1 1 → 2")
    assert " and 14 more, which no mixture that works separates makes 10 % of" in told


def test_what_was_skipped_is_told_with_a_reason() -> None:
    skipped = (CountedMixture(moved=2, skipped="The page / answers 500."),)
    assert list(sentences(document(COSTLY, skipped=skipped)))[1] == (
        "1 mixture did not work and was left out: The page / answers 500."
    )


def test_cpu_time_is_told_last_or_why_it_is_not_known() -> None:
    cpu = ComparedFigure(
        workload="pages", stack="uvicorn", python="3.13", other_stack="uvicorn", other_python="3.13", figure="cpu",
        title="CPU time per request", unit="ms", digits=2, higher_is_better=False, base=1.0, head=1.07,
        compares="ratio", effect=1.07, low=1.04, high=1.10, word="worse", blocks=5, decided_after=4, matters=0.03,
        smallest_decidable=0.02, needed=None,
    )  # fmt: skip
    found = document(COSTLY)
    *_, told = sentences(msgspec.structs.replace(found, cpu=cpu))
    assert told == "django 4.2.7 → 5.2.1, by CPU time side by side: 7 % more CPU (4 to 10 %)."
    *_, told = sentences(msgspec.structs.replace(found, cpu_unknown="The packages do not fit together."))
    assert told == "django 4.2.7 → 5.2.1 was not confirmed by CPU time: The packages do not fit together."


@pytest.mark.parametrize(
    ("packages", "told", "base", "head"),
    [
        ((NEW,), "new 1.0 (added)", "no new", "new 1.0"),
        (
            (OLD, DJANGO),
            "pytz 2023 → removed and django 4.2.7 → 5.2.1",
            "pytz 2023, django 4.2.7",
            "no pytz, django 5.2.1",
        ),
    ],
)
def test_packages_are_told_with_both_versions(
    packages: tuple[PackageChange, ...], told: str, base: str, head: str
) -> None:
    assert listed(packages) == told
    assert titles(packages) == (base, head)


def test_the_table_has_each_step_and_what_is_left() -> None:
    assert found_table(document(COSTLY)).cells == [
        ["3", "django 4.2.7 → 5.2.1", "9.70", "10.48", "+0.78", "73 %"],
        ["–", "the other 23 packages together", "–", "–", "+0.29", "27 %"],
    ]
    assert found_table(document(COSTLY, head=9.71e6)).cells[0][-1] == "–"


def test_the_document_is_read_as_it_was_written() -> None:
    written = document(COSTLY, skipped=(CountedMixture(moved=1, skipped="why"),))
    assert decode(encode(written), "a.json") == written
