"""What an environment holds is read from its metadata, and lists of two environments are mixed line by line."""

from pathlib import Path

import pytest

from stackmatrix.application.mixtures import mixed, packages_of, pins_of

BASE = "# base's\nDjango==4.2\n./vendored\nold-one==1 ; python_version < '4'\nshared==3\n"
HEAD = "./vendored\ndjango==5.2\nshared==3\nnew[fast]==2\nown @ https://example.org/own.whl\n"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment of another Python than this, with one package."""
    info = tmp_path / "lib" / "python3.99" / "site-packages" / "Some_Thing-1.5.dist-info"
    info.mkdir(parents=True)
    requires = [
        "plain>=2", "newer; python_version >= '3.99'", "older; python_version < '3.99'",
        "exactly; python_full_version == '3.99.7'",
        "sooner>=1; extra == 'fast'", "never; extra == 'unknown'", "no requirement at all ()",
    ]  # fmt: skip
    lines = ["Metadata-Version: 2.1", "Name: Some_Thing", "Version: 1.5", "Provides-Extra: fast"]
    (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires), ""]))
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.99.7\nuv = 1.0\n")
    return tmp_path


def test_packages_have_what_they_require_on_their_python_with_any_of_their_extras(prefix: Path) -> None:
    found = packages_of(prefix)
    assert list(found) == ["some-thing"]
    assert found["some-thing"].version == "1.5"
    assert [one.name for one in found["some-thing"].requires] == ["plain", "newer", "exactly", "sooner"]


def test_lines_are_found_by_the_normal_names_of_their_packages() -> None:
    assert list(pins_of(BASE)) == ["django", "old-one", "shared"]
    assert pins_of(HEAD)["new"] == "new[fast]==2"
    assert "own" in pins_of(HEAD)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (set(), ["./vendored", "django==5.2", "new[fast]==2", "own @ https://example.org/own.whl", "shared==3"]),
        ({"django", "new"}, ["./vendored", "Django==4.2", "own @ https://example.org/own.whl", "shared==3"]),
        (
            {"django", "new", "old-one", "own"},
            ["./vendored", "Django==4.2", "old-one==1 ; python_version < '4'", "shared==3"],
        ),
    ],
)
def test_a_mixture_keeps_these_of_the_base_and_has_all_else_of_the_head(kept: set[str], expected: list[str]) -> None:
    assert mixed(BASE, HEAD, kept).splitlines() == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken-1.0.dist-info", None),
        ("broken-1.0.dist-info", b"Metadata-Version: 2.1\nVersion: 1.0\n"),
        ("broken-1.0.dist-info", b"Metadata-Version: 2.1\nName: broken\n"),
        ("broken-1.0.dist-info", b"Name: \xff\xfe\xe9\nVersion: 1.0\n"),
        ("broken-1.0.dist-info", b""),
    ],
    ids=["empty", "no name", "no version", "no text", "nothing in the file"],
)
def test_what_does_not_say_what_it_is_is_left_out(prefix: Path, name: str, content: bytes | None) -> None:
    folder = prefix / "lib" / "python3.99" / "site-packages" / name
    folder.mkdir()
    if content is not None:
        (folder / "METADATA").write_bytes(content)
    assert list(packages_of(prefix)) == ["some-thing"]


def test_what_is_no_folder_of_a_package_is_left_out(prefix: Path) -> None:
    packages = prefix / "lib" / "python3.99" / "site-packages"
    (packages / "file-1.0.dist-info").write_text("no folder")
    (packages / "gone-1.0.dist-info").symlink_to(prefix / "gone")
    (packages / "linked.egg-link").write_text("/somewhere\n")
    (packages / "folder-1.0.dist-info" / "METADATA").mkdir(parents=True)
    assert list(packages_of(prefix)) == ["some-thing"]
