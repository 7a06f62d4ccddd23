"""Load a project's settings and its callable, and write down what the harness has to know of them."""

import hashlib
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    try:
        found["settings"] = read_settings()
        # Nothing of the project is set up before its database is known to be one that may be touched.
        if job["phase"] == "callable":
            set_up(found["settings"])
            found["callable"] = read_callable(job["callable"])
            found["settings"]["databases"] = read_databases()
    except BaseException as error:  # noqa: BLE001 - whatever a project raises is a finding
        found["error"] = describe(error)
    Path(sys.argv[2]).write_text(json.dumps(found, default=str), encoding="utf-8")


def describe(error: BaseException) -> dict[str, Any]:
    """An exception's type, words and the files that it came through, the innermost last."""
    return {
        "type": type(error).__name__,
        "message": str(error),
        "files": [frame.filename for frame in traceback.extract_tb(error.__traceback__)],
        "name": getattr(error, "name", None),
    }


def read_settings() -> dict[str, Any]:
    from django.conf import settings  # noqa: PLC0415 - Django that is missing is a finding

    def get(name: str, default: Any = None) -> Any:
        return getattr(settings, name, default)

    static = get("STORAGES", {}).get("staticfiles", {}).get("BACKEND", get("STATICFILES_STORAGE", ""))
    return {
        "module": settings.SETTINGS_MODULE,
        "debug": bool(get("DEBUG")),
        "allowed_hosts": [str(host) for host in get("ALLOWED_HOSTS", [])],
        "https": bool(get("SECURE_SSL_REDIRECT")),
        "made_ssl_header": bool(get("STACKMATRIX_SSL_HEADER")),
        "databases": {alias: read_database(one) for alias, one in get("DATABASES", {}).items()},
        "static_manifest": "Manifest" in str(static),
        "session_engine": get("SESSION_ENGINE", ""),
        "session_cache": get("CACHES", {}).get(get("SESSION_CACHE_ALIAS", "default"), {}).get("BACKEND", ""),
        "csrf_cookie": get("CSRF_COOKIE_NAME", "csrftoken"),
        "csrf_header": get("CSRF_HEADER_NAME", "HTTP_X_CSRFTOKEN"),
        "csrf_in_session": bool(get("CSRF_USE_SESSIONS")),
        # Compared with that of another process; it is written nowhere.
        "secret_key": hashlib.sha256(str(get("SECRET_KEY")).encode()).hexdigest(),
    }


def set_up(read: dict[str, Any]) -> None:
    import django  # noqa: PLC0415 - one that is missing is a finding
    from django.conf import settings  # noqa: PLC0415

    django.setup()
    if "django.contrib.staticfiles" in settings.INSTALLED_APPS:
        from django.contrib.staticfiles.storage import staticfiles_storage  # noqa: PLC0415 - only where it is used

        read["static_manifest"] = hasattr(staticfiles_storage, "manifest_name")


LEADING = ("service", "hostaddr", "host", "port", "dbname", "dsn", "conninfo", "database")
"""Of OPTIONS: what a driver takes in place of NAME, HOST and PORT."""
LEADING_VARIABLES = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")
"""What PostgreSQL's driver reads beside them, from the environment."""


def read_databases() -> dict[str, Any]:
    """All databases that can be asked now, also those that the project has added while it was set up."""
    from django.db import connections  # noqa: PLC0415 - it reads the settings

    return {alias: read_database(connections.databases[alias]) for alias in connections}


def read_database(one: dict[str, Any]) -> dict[str, Any]:
    options, engine = one.get("OPTIONS") or {}, one.get("ENGINE", "")
    variables = LEADING_VARIABLES if "postg" in engine else ()
    return {
        "engine": engine,
        "name": str(one.get("NAME") or ""),
        "host": str(one.get("HOST") or ""),
        "port": str(one.get("PORT") or ""),
        "conn_max_age": one.get("CONN_MAX_AGE", 0),
        "is_immediate": str(options.get("transaction_mode", "")).upper() in {"IMMEDIATE", "EXCLUSIVE"},
        "led_by": [
            *(f"OPTIONS.{name}" for name in LEADING if options.get(name)),
            *(name for name in variables if os.environ.get(name)),
        ],
    }


def read_callable(name: str) -> dict[str, Any]:
    """Whether the module of a callable has it, and which others it has."""
    module_name, _, attribute = name.partition(":")
    module = importlib.import_module(module_name)
    there = [one for one, value in vars(module).items() if callable(value) and not isinstance(value, type)]
    likely = [one for one in there if not one.startswith(("_", "get_"))]
    return {"is_there": hasattr(module, attribute), "others": likely}


if __name__ == "__main__":
    main()
