"""Only like with like: another machine or way of measuring is refused, another build of Python is said."""

from typing import Any

import msgspec
import pytest

from stackmatrix.analysis.comparison.comparability import caution, refuse
from stackmatrix.results.model import Result
from tests.made_up import make_results


def results() -> tuple[Result, Result, Result]:
    """One stack on two Pythons, and another stack on the second."""
    made = {
        (one.cell.stack, one.cell.python): one
        for one in make_results(("gunicorn_100_threads", "uvicorn"), workloads=("fanout",), planted=False)
    }
    return (
        made["gunicorn_100_threads", "3.12"],
        made["gunicorn_100_threads", "3.13"],
        made["uvicorn", "3.13"],
    )


def changed(result: Result, part: str, **values: Any) -> Result:
    conditions = result.conditions
    assert conditions is not None
    environment = conditions.environment
    if part == "python":
        environment = msgspec.structs.replace(environment, python=msgspec.structs.replace(environment.python, **values))
    elif part == "environment":
        environment = msgspec.structs.replace(environment, **values)
    elif part == "machine":
        conditions = msgspec.structs.replace(conditions, machine=msgspec.structs.replace(conditions.machine, **values))
    else:
        conditions = msgspec.structs.replace(conditions, **values)
    return msgspec.structs.replace(result, conditions=msgspec.structs.replace(conditions, environment=environment))


def test_like_results_are_compared_without_a_word() -> None:
    old, new, other = results()
    assert refuse(new, old) is None
    assert caution(new, old) is None
    assert refuse(other, new) is None
    assert caution(other, new) is None


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("machine", {"kernel": "Linux 6.2"}, "the kernel"),
        ("machine", {"pinning": None}, "the pinning"),
        ("conditions", {"tool_lock_sha256": "other"}, "the tool environment"),
        ("conditions", {"protocol": 99}, "the way of measuring"),
    ],
)
def test_another_machine_or_way_of_measuring_is_refused_by_name(part: str, values: dict[str, Any], said: str) -> None:
    _, new, other = results()
    reason = refuse(changed(other, part, **values), new)
    assert reason is not None
    assert said in reason


def test_two_pythons_need_the_same_versions_and_two_stacks_do_not() -> None:
    old, new, other = results()
    packages = {"django": "6.0.1", "h11": "0.16", "httpx": "0.29", "sqlparse": "0.6", "zipp": "3"}
    theirs = changed(old, "environment", packages={**dict.fromkeys(packages, "1.0"), "zipp": "3"})
    mine = changed(new, "environment", packages=packages, lock_sha256="another")
    assert refuse(mine, theirs) == (
        "They differ in more than their Python: django is 6.0.1 and 1.0, h11 is 0.16 and 1.0, httpx is 0.29 and 1.0 "
        "and 1 more."
    )
    assert refuse(changed(other, "environment", packages=packages, lock_sha256="another"), new) is None


def test_the_same_versions_from_another_list_are_compared_without_a_word() -> None:
    """As where an interpreter was named by its path, which no lock file is made for."""
    old, new, _ = results()
    by_path = msgspec.structs.replace(new, cell=msgspec.structs.replace(new.cell, python="3.13@debug"))
    alike = changed(by_path, "environment", lock_sha256="another")
    assert (refuse(alike, old), caution(alike, old)) == (None, None)
    assert (refuse(alike, new), caution(alike, new)) == (None, None)


def test_where_packages_are_not_known_two_pythons_need_the_same_lock_file() -> None:
    old, new, _ = results()
    assert "lock files" in (refuse(changed(new, "environment", packages={}, lock_sha256="another"), old) or "")


def test_packages_that_only_one_python_has_carry_a_caution_where_the_lists_differ() -> None:
    old, new, _ = results()
    assert old.conditions is not None
    more = {**old.conditions.environment.packages, "httptools": "0.7.1"}
    mine = changed(new, "environment", packages=more, lock_sha256="another")
    assert refuse(mine, old) is None
    assert caution(mine, old) == "only 3.13 has httptools 0.7.1."
    assert caution(old, mine) == "only 3.13 has httptools 0.7.1."
    assert caution(changed(new, "environment", packages=more), old) is None


def test_overridden_packages_are_what_is_compared() -> None:
    old, new, _ = results()
    overridden = msgspec.structs.replace(new, cell=msgspec.structs.replace(new.cell, python="3.13 with django==5.2.*"))
    assert refuse(changed(overridden, "environment", packages={"django": "5.2"}, lock_sha256="another"), old) is None


def test_packages_that_one_python_needs_more_do_not_refuse() -> None:
    old, new, _ = results()
    assert refuse(changed(new, "environment", packages={"django": "6.0"}), old) is None


def test_what_was_not_measured_is_refused() -> None:
    old, new, _ = results()
    bare = msgspec.structs.replace(new, conditions=None)
    assert refuse(bare, old) is not None
    assert caution(bare, old) is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"origin": "pyenv"}, "3.13 is built by pyenv and 3.12 is built for uv"),
        ({"origin": "distribution"}, "3.13 is the distribution's and 3.12 is built for uv"),
        ({"shared": True}, "3.13 runs a shared libpython and 3.12 is linked statically"),
        ({"pgo": False}, "3.13 is built without profile-guided optimisation and 3.12 is built with"),
    ],
)
def test_pythons_of_unlike_builds_carry_a_caution(values: dict[str, Any], said: str) -> None:
    old, new, _ = results()
    told = caution(changed(new, "python", **values), old)
    assert told is not None
    assert told.startswith(said)


def test_what_no_build_tells_is_no_difference() -> None:
    old, new, _ = results()
    assert caution(changed(new, "python", pgo=None, lto=None, shared=None), old) is None


def test_two_stacks_on_unlike_builds_are_named_by_stack() -> None:
    _, new, other = results()
    told = caution(changed(other, "python", shared=True, version="3.13.9"), new)
    assert told == (
        "uvicorn runs a shared libpython and gunicorn_100_threads is linked statically; "
        "uvicorn ran on 3.13.9 and gunicorn_100_threads on 3.13.2."
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"slowed_by": ("a debug build", "assertions")},
         "3.13 is slowed by a debug build, assertions and 3.12 is not slowed by anything in it."),
        ({"slowed_by": ("a tracer",)}, "3.13 is slowed by a tracer and 3.12 is not slowed by anything in it."),
        ({"jit": True}, "3.13 runs with its JIT and 3.12 runs without a JIT."),
        ({"compiler": "GCC 14.2.0"}, "3.13 is compiled by GCC and 3.12 by Clang."),
    ],
)  # fmt: skip
def test_what_only_one_build_has_in_it_or_switched_on_carries_a_caution(values: dict[str, Any], said: str) -> None:
    old, new, _ = results()
    old, new = (changed(one, "python", compiler="Clang 18.1.8 ") for one in (old, new))
    assert caution(changed(new, "python", **values), old) == said


@pytest.mark.parametrize("values", [{"slowed_by": ("a debug build",)}, {"jit": True}, {"compiler": "GCC 14"}], ids=str)
def test_what_both_builds_have_is_no_difference(values: dict[str, Any]) -> None:
    old, new, _ = results()
    assert caution(changed(new, "python", **values), changed(old, "python", **values)) is None


def test_a_release_without_a_jit_is_like_one_whose_jit_is_off() -> None:
    old, new, _ = results()
    assert caution(changed(new, "python", jit=False), changed(old, "python", jit=None)) is None


def test_a_compiler_is_not_told_beside_who_has_built_it() -> None:
    old, new, _ = results()
    told = caution(
        changed(new, "python", origin="pyenv", compiler="GCC 12"), changed(old, "python", compiler="Clang 18")
    )
    assert told == "3.13 is built by pyenv and 3.12 is built for uv."
