"""Ask each page once with Django's test client: what the project answers before any server has a part in it."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import django
from django.core import signals


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    django.setup()
    answers = [ask(page) for page in job["pages"]]
    Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")


def ask(page: dict[str, Any]) -> dict[str, Any]:
    """What a page answers; ``error`` is what the project raised meanwhile."""
    from django.test import Client  # noqa: PLC0415 - it imports models

    raised: list[BaseException] = []

    def note(**_: Any) -> None:
        if (error := sys.exc_info()[1]) is not None:
            raised.append(error)

    signals.got_request_exception.connect(note)
    headers = {name.lower(): value for name, value in page["headers"]}
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    content_type = extra.pop("HTTP_CONTENT_TYPE", "application/octet-stream")
    body = (page["body"] or "").encode()
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    try:
        answer = client.generic(page["method"], page["path"], body, content_type, secure=page["https"], **extra)
        content = b"".join(answer) if answer.streaming else answer.content
        answered = {
            "status": answer.status_code,
            "headers": {name.lower(): value for name, value in answer.items()},
            "body": content.decode(errors="replace"),
        }
    except Exception as error:  # noqa: BLE001 - whatever a project raises is a finding
        raised.append(error)
        answered = {"status": 500, "headers": {}, "body": ""}
    finally:
        signals.got_request_exception.disconnect(note)
    return {**answered, "error": describe(raised[0]) if raised else None}


def describe(error: BaseException) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "files": [frame.filename for frame in traceback.extract_tb(error.__traceback__)],
    }


if __name__ == "__main__":
    main()
