"""The settings that are written for an application: what they add to the project's own."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stackmatrix.application import settings
from stackmatrix.application.discovery import Found

FOUND = Found(manage=(), settings="a_project", wsgi="a:b", asgi=None, imported_from=(), notes=())
OURS = ("HTTP_X_SCHEME", "https")
THEIRS = ("HTTP_X_FORWARDED_PROTO", "https")


def written(
    folder: Path, patched: pytest.MonkeyPatch, project: dict[str, Any], override: dict[str, Any], *, https: bool | None
) -> dict[str, Any]:
    """All settings of a project that has these, with these overridden."""
    module = ModuleType("a_project")
    vars(module).update(project)
    patched.setitem(sys.modules, "a_project", module)
    settings.write(folder, FOUND, "WSGI", override, https=https)
    names: dict[str, Any] = {}
    exec((folder / f"{settings.module_name('WSGI')}.py").read_text(encoding="utf-8"), names)  # noqa: S102 - it is ours
    return names


@pytest.mark.parametrize(
    ("project", "override", "https", "header", "is_made"),
    [
        ({"SECURE_SSL_REDIRECT": True}, {}, None, OURS, True),
        ({"SECURE_SSL_REDIRECT": False}, {"SECURE_SSL_REDIRECT": True}, None, OURS, True),
        ({}, {}, True, OURS, True),
        ({"SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": THEIRS}, {}, None, THEIRS, False),
        ({"SECURE_SSL_REDIRECT": True}, {"SECURE_PROXY_SSL_HEADER": THEIRS}, None, THEIRS, False),
        ({"SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": THEIRS}, {settings.SSL_HEADER: []}, None, OURS, True),
        ({"SECURE_SSL_REDIRECT": True}, {}, False, None, False),
        ({}, {}, None, None, False),
    ],
)
def test_a_project_that_is_asked_by_https_takes_it_from_the_header_that_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    project: dict[str, Any],
    override: dict[str, Any],
    https: Any,
    header: tuple[str, str] | None,
    is_made: Any,
) -> None:
    found = written(tmp_path, monkeypatch, project, override, https=https)
    assert found.get(settings.SSL_HEADER) == header
    assert found.get(settings.MADE_SSL_HEADER, False) is is_made
