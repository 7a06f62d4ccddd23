"""Make the users of requests that are not there, and log them in, by a session made for them or by a form."""

import json
import re
import secrets
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import django
from django.conf import settings


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    django.setup()
    found = {name: log_in(name, job) for name in job["users"]}
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


def log_in(name: str, job: dict[str, Any]) -> dict[str, Any]:
    """The cookies of a user, and whether the user was made; or in words why there is no log-in."""
    from django.test import Client  # noqa: PLC0415 - it imports models

    origin = {"HTTP_HOST": job["host"], **({"HTTP_X_FORWARDED_PROTO": "https"} if job["https"] else {})}
    client = Client(enforce_csrf_checks=True, **origin)
    form = job["logins"].get(name)
    if form is not None:
        failure = fill_form(client, form, job)
        return {"failure": failure, "cookies": cookies_of(client), "is_made": False}
    user, is_made = find_or_make(name)
    client.force_login(user)
    token = job["token"]
    if settings.CSRF_USE_SESSIONS:
        session = client.session
        session["_csrftoken"] = token
        session.save()
    return {"failure": None, "cookies": cookies_of(client), "is_made": is_made}


def cookies_of(client: Any) -> dict[str, str]:
    return {name: morsel.value for name, morsel in client.cookies.items()}


def find_or_make(name: str) -> tuple[Any, bool]:
    """The user of a name, made a superuser where there is none; whether it was made."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - it imports models

    model: Any = get_user_model()
    fields = {model.USERNAME_FIELD: name}
    if "email" in model.USERNAME_FIELD and "@" not in name:
        fields[model.USERNAME_FIELD] = f"{name}@example.com"
    known = model._default_manager.filter(**fields).first()  # noqa: SLF001 - Django's own name for it
    if known is not None:
        return known, False
    for field in model.REQUIRED_FIELDS:
        fields[field] = f"{name}@example.com" if "email" in field else name
    user = model._default_manager.create_superuser(**fields, password=secrets.token_urlsafe())  # noqa: SLF001
    return user, True


class Fields(HTMLParser):
    """The hidden fields of each form of a page, and where it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str], bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), {}, False))
        elif tag == "input" and self.forms:
            action, hidden, has_password = self.forms[-1]
            if given.get("type") == "hidden" and "name" in given:
                hidden[given["name"]] = given.get("value", "")
            self.forms[-1] = (action, hidden, has_password or given.get("type") == "password")


def fill_form(client: Any, form: dict[str, Any], job: dict[str, Any]) -> str | None:
    """Send the form with a password in it; returns in words why that logged nobody in."""
    path, secure = form["path"], job["https"]
    page = client.get(path, secure=secure)
    if page.status_code != 200:
        return f"its page {path} answered {page.status_code}"
    fields = Fields()
    fields.feed(page.content.decode(errors="replace"))
    chosen = next((one for one in fields.forms if one[2]), None)
    if chosen is None:
        return f"its page {path} has no form with a password"
    scheme = "https" if secure else "http"
    action = re.sub(r"^[a-z]+://[^/]*", "", chosen[0]).partition("#")[0] or path
    referer = f"{scheme}://{job['host']}{path}"
    sent = client.post(action, {**chosen[1], **form["form"]}, secure=secure, HTTP_REFERER=referer)
    if settings.SESSION_COOKIE_NAME in client.cookies and sent.status_code in {301, 302, 303}:
        return None
    return f"the form of {path} was answered {sent.status_code}, and nobody is logged in"


if __name__ == "__main__":
    main()
