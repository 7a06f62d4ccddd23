"""A small real project is found, copied, set up, asked and served; each fault in it is told in one sentence."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from stackmatrix.application import environments, starting_file
from stackmatrix.application.application import Application, prepare
from stackmatrix.application.environments import AppEnvironment
from stackmatrix.errors import AppError, AppFileError, StackmatrixError
from stackmatrix.matrix import app_file
from stackmatrix.matrix.stacks import STACKS
from stackmatrix.system import logs
from stackmatrix.testbed import checking, external_api
from stackmatrix.testbed.checking import Checked

HERE = Path(__file__).parent
_spec = spec_from_file_location("small_project", HERE / "small_project.py")
assert _spec is not None
assert _spec.loader is not None
small_project = module_from_spec(_spec)
_spec.loader.exec_module(small_project)

PROJECT: Mapping[str, str] = small_project.FILES
SETTINGS: str = small_project.SETTINGS
PYTHON: Path = small_project.PYTHON
assert find_spec("django") is not None

ASGI_STACK = next(stack for stack in STACKS.values() if stack.server == "uvicorn")
STACK = replace(ASGI_STACK, traits=(), command=tuple("{bin}/python -m uvicorn {asgi} --port {port}".split()))
ENVIRONMENT = AppEnvironment(PYTHON.parent.parent, "", {}, ())
"""A server that the environment of the tests has."""


ADDED = """
from django.db import connections

connections.databases["legacy"] = {
    **connections.databases["default"], "ENGINE": "django.db.backends.mysql", "NAME": "shop", "HOST": "db.example.com",
}
"""
"""A database that no setting names."""
FORCED = 'os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"\n'


@contextmanager
def prepared(folder: Path, file: str, changed: Mapping[str, str] | None = None) -> Iterator[Application]:
    project = small_project.make(folder / "site", file, changed)
    with prepare(app_file.read(project), PYTHON, folder / "run") as application:
        yield application


def wrong(folder: Path, file: str, changed: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What is wrong with the project's answers."""
    with prepared(folder, file, changed) as application:
        return application.wrong


def refused(folder: Path, file: str, changed: Mapping[str, str] | None = None) -> str:
    with pytest.raises(StackmatrixError) as error, prepared(folder, file, changed):
        pass
    assert isinstance(error.value, AppError | AppFileError)
    return str(error.value)


def check_on_server(application: Application) -> dict[str, Checked]:
    return {one.page.name: one for one in checking.check(application, STACK, ENVIRONMENT)}


def test_a_project_is_found_set_up_and_served_with_a_user_and_a_write(tmp_path: Path) -> None:
    file = """
    [[request]]
    path = "/"
    weight = 8

    [[request]]
    path = "/mine/"
    user = "ada"
    expect = { contains = "ada" }

    [[request]]
    path = "/groups/"
    json = { name = "group {n}" }
    expect = { contains = "groups" }
    """
    with prepared(tmp_path, file) as application:
        assert application.wrong == ()
        assert "ada was not there and was made a superuser" in application.notes
        assert not (tmp_path / "site" / "db.sqlite3").exists()
        checked = check_on_server(application)
        assert {name: one.why for name, one in checked.items()} == {"/": None, "/mine/": None, "POST /groups/": None}
        # The state is put back: again the first group.
        assert {one.why for one in check_on_server(application).values()} == {None}
        assert dict(application.pages[0].headers)["Host"] == "shop.example"


def test_an_app_that_only_writes_is_not_asked_for_the_same_thing_twice(tmp_path: Path) -> None:
    with prepared(tmp_path, 'request = [{ path = "/groups/", json = { name = "{n}" } }]') as application:
        assert check_on_server(application)["POST /groups/"].why is None


def test_places_of_one_app_do_not_share_what_is_written(tmp_path: Path) -> None:
    with prepared(tmp_path, 'paths = ["/"]\nstate = ["media"]') as application:
        one, other = application.arrange("ASGI", "one"), application.arrange("ASGI", "other")
        (one.cwd / "media" / "x.txt").write_text("written")
        assert (one.cwd / "db.sqlite3").exists()
        assert (other.cwd / "db.sqlite3").exists()
        assert not (other.cwd / "media" / "x.txt").exists()
        assert not (application.arrange("ASGI", "one").cwd / "media" / "x.txt").exists()


def test_the_target_gets_the_files_environment_and_secrets_byte_for_byte_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = " a$b'c\\n\"=é "
    monkeypatch.setenv("TOKEN", given)
    monkeypatch.setenv("STACKMATRIX_UV", "not passed on")
    with prepared(tmp_path, 'paths = ["/variable/"]\nsecrets = ["TOKEN"]') as application:
        assert json.loads(application.answers[0].body) == {"value": given, "home": None}
        assert given not in repr(application)
    assert sys.executable == str(PYTHON)


def test_a_secret_that_the_project_raises_is_in_no_sentence_and_no_log_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, kept = "s3cr3t 'and\\more\"", tmp_path / "kept"
    monkeypatch.setenv("TOKEN", given)
    monkeypatch.setattr(logs, "KEPT_LOGS", kept)
    file, raises = 'paths = ["/"]\nsecrets = ["TOKEN"]', "    raise ValueError(os.environ['TOKEN'])\n"
    shows = "def index(request):\n"
    urls = small_project.URLS.replace(shows, f"{shows}{raises}")
    with prepared(tmp_path / "page", file, {"mysite/urls.py": urls}) as application:
        said = [*application.wrong, check_on_server(application)["/"].why or ""]
    assert [one.startswith("/ answered 500: ValueError: ") for one in said] == [True, True]
    said.append(refused(tmp_path / "settings", file, {"mysite/settings.py": f"import os\nif True:\n{raises}"}))
    wsgi = f"{small_project.ASGI}if 'STACKMATRIX_ENDPOINT' in os.environ or 'uvicorn' in str(sys.argv):\n{raises}"
    with (
        prepared(tmp_path / "server", file, {"mysite/asgi.py": f"import sys\n{wsgi}"}) as application,
        pytest.raises(AppError) as error,
    ):
        check_on_server(application)
    said.append(str(error.value))
    assert "did not come up" in said[-1]
    assert list(kept.iterdir())
    assert not [one for one in (*said, *(log.read_text() for log in kept.iterdir())) if "s3cr3t" in one]


def test_a_slow_service_is_stood_in_for_at_the_address_that_the_app_reads(tmp_path: Path) -> None:
    file = """
    paths = ["/upstream/"]
    env = { RATES_URL = "{rates.url}/today" }

    [upstream.rates]
    delay_ms = { median = 5, p99 = 20 }
    json = { rate = 1.5 }
    """
    with prepared(tmp_path, file) as application:
        assert json.loads(application.answers[0].body) == {"rate": 1.5}
        assert check_on_server(application)["/upstream/"].why is None


def test_another_process_of_the_app_listens_before_it_is_asked(tmp_path: Path) -> None:
    file = """
    paths = ["/upstream/"]
    env = { RATES_URL = "{rates.url}/rates.json" }
    files = { "rates.json" = '{ "rate": 2 }' }

    [[process]]
    name = "rates"
    command = "python -m http.server {port} --bind 127.0.0.1"
    """
    with prepared(tmp_path, file) as application:
        assert json.loads(application.answers[0].body) == {"rate": 2}


def test_what_startproject_makes_is_served_after_three_lines(tmp_path: Path) -> None:
    project = tmp_path / "site"
    project.mkdir()
    subprocess.run([PYTHON, "-m", "django", "startproject", "mysite", "."], cwd=project, check=True)
    (project / "stackmatrix.toml").write_text(
        'install = ["django"]\noverride = { DEBUG = false, ALLOWED_HOSTS = ["*"] }\n'
        'request = [{ path = "/admin/login/" }, { path = "/admin/auth/user/", user = "admin", weight = 3 }]'
    )
    with prepare(app_file.read(project), PYTHON, tmp_path / "run") as application:
        assert {one.why for one in check_on_server(application).values()} == {None}


def test_a_user_is_logged_in_by_the_form_that_the_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "engine")
    urls = small_project.URLS.replace(
        "urlpatterns = [",
        "from django.contrib.auth.views import LoginView\n\n\nclass Login(LoginView):\n"
        "    def render_to_response(self, context, **_):\n        from django.middleware.csrf import get_token\n"
        "        return HttpResponse('<form method=post><input type=hidden name=csrfmiddlewaretoken value='"
        " + get_token(self.request) + '><input name=username><input type=password name=password></form>')\n\n\n"
        'urlpatterns = [path("accounts/login/", Login.as_view(success_url="/")), ',
    )
    seed = "from django.contrib.auth.models import User\n\nUser.objects.create_user('ada', password='engine')\n"
    file = (
        'setup = ["migrate", "seed.py"]\nrequest = [{ path = "/mine/", user = "ada", expect = { contains = "ada" } }]\n'
        '[login.ada]\npath = "/accounts/login/"\nform = { username = "ada", password = "PASSWORD" }\n'
    )
    changed = {"mysite/urls.py": urls, "seed.py": seed}
    assert (
        wrong(
            tmp_path / "right",
            f'secrets = ["SHOP_PASSWORD"]\n{file}'.replace('"PASSWORD"', '"{SHOP_PASSWORD}"'),
            changed,
        )
        == ()
    )
    said = refused(tmp_path / "wrong", file.replace("PASSWORD", "motor"), changed)
    assert said == "[login.ada]: the form of /accounts/login/ was answered 200, and nobody is logged in."


def test_a_project_without_an_asgi_module_gets_one_made(tmp_path: Path) -> None:
    with prepared(tmp_path, 'paths = ["/"]', {"mysite/asgi.py": ""}) as application:
        assert application.found.asgi == "stackmatrix_asgi:application"
        assert check_on_server(application)["/"].why is None


def test_settings_are_overridden_table_by_table_and_mail_goes_nowhere(tmp_path: Path) -> None:
    urls = small_project.URLS.replace(
        'return HttpResponse("<title>Shop</title>" + "x" * 1000)',
        "from django.conf import settings\n    from django.core.mail import send_mail\n"
        "    sent = send_mail('a', 'b', 'a@example.com', ['b@example.com'])\n"
        "    return JsonResponse({'name': str(settings.DATABASES['default']['NAME']), 'sent': sent,"
        " 'timeout': settings.DATABASES['default']['OPTIONS']['timeout']})",
    )
    file = 'paths = ["/"]\n[override.asgi]\nX = 1\n[override.DATABASES.default.OPTIONS]\ntimeout = 7'
    with prepared(tmp_path, file, {"mysite/urls.py": urls}) as application:
        found = json.loads(application.answers[0].body)
    assert found["timeout"] == 7
    assert found["name"].endswith("project/db.sqlite3")
    assert found["sent"] == 1


@pytest.mark.parametrize(
    ("file", "changed", "said"),
    [
        (
            'paths = ["/"]',
            {"mysite/wsgi.py": small_project.WSGI.replace("mysite.settings", "mysite.production")},
            ("The settings are not clear: manage.py says mysite.settings, mysite/wsgi.py says mysite.production, "
            'mysite/asgi.py says mysite.settings. Say which are deployed: settings = "mysite.production".'),
        ),
        (
            'paths = ["/"]\nsettings = "mysite.settingz"',
            {},
            'settings = "mysite.settingz": there is no such module; mysite/ has settings.py.',
        ),
        (
            'paths = ["/"]',
            {"mysite/settings.py": f'import os\nKEY = os.environ["PAY_KEY"]\n{SETTINGS}'},
            "mysite/settings.py wants PAY_KEY from the environment; give it in [env] (or its name in secrets).",
        ),
        (
            'paths = ["/"]',
            {"mysite/settings.py": SETTINGS.replace('"the same in every process"', '""')},
            ("wants SECRET_KEY from the environment; give it in [env] (or its name in secrets). "
            "Settings that do not read it there get it by override.SECRET_KEY."),
        ),
        (
            'paths = ["/"]',
            {"mysite/settings.py": f"import not_there\n{SETTINGS}"},
            'mysite/settings.py imports not_there, which is not installed: add "not_there" to install',
        ),
        (
            'paths = ["/"]',
            {
                "mysite/settings.py": f"import not_there\n{SETTINGS}",
                "uv.lock": "version = 1",
                "pyproject.toml": '[dependency-groups]\ndev = ["not-there>=1"]',
            },
            ("mysite/settings.py imports not_there, which uv.lock has only in the group dev: "
            'install = ["uv.lock", "--group dev"], or add "not_there".'),
        ),
        (
            'paths = ["/"]\nwsgi = "mysite.wsgi:app"',
            {},
            'wsgi = "mysite.wsgi:app": mysite.wsgi has no app; it has application.',
        ),
        (
            'paths = ["/"]',
            {"mysite/settings.py": SETTINGS.replace("DEBUG = False", "DEBUG = True")},
            ("DEBUG is on, and a site is not served like that: say override.DEBUG = false, "
            "or name the settings that you deploy."),
        ),
        (
            ('paths = ["/"]\n[override.DATABASES.default]\n'
            'ENGINE = "django.db.backends.postgresql"\nNAME = "shop"\nHOST = "db.example.com"'),
            {},
            ("DATABASES['default'] is postgresql shop at db.example.com: stackmatrix migrates and fills a database, so "
            'it takes only one that it made. Add services = ["postgres"] and give its address, as in '
            'env.DATABASE_URL = "{postgres.url}".'),
        ),
        (
            'paths = ["/"]\n[override.DATABASES.default]\nNAME = "/var/lib/shop.sqlite3"',
            {},
            "DATABASES['default'] is the SQLite file /var/lib/shop.sqlite3, which lies outside of the project",
        ),
        (
            'paths = ["/"]\n[override.DATABASES.default]\nNAME = ":memory:"',
            {},
            "DATABASES['default'] is SQLite in memory, which every process has another one of",
        ),
        (
            'paths = ["/"]\n[override.DATABASES.default.OPTIONS]\nservice = "shop"',
            {},
            "OPTIONS.service may lead DATABASES['default'] elsewhere than its NAME and HOST say: stackmatrix migrates",
        ),
        (
            ('services = ["postgres"]\npaths = ["/"]\nenv = { PGHOSTADDR = "192.0.2.1" }\n'
            '[override.DATABASES.default]\nENGINE = "django.db.backends.postgresql"\n'
            'NAME = "{postgres.name}"\nHOST = "{postgres.host}"\nPORT = "{postgres.port}"'),
            {},
            "PGHOSTADDR may lead DATABASES['default'] elsewhere than its NAME and HOST say",
        ),
        (
            'paths = ["/"]',
            {"mysite/wsgi.py": f"{small_project.WSGI}{ADDED}"},
            "DATABASES['legacy'] is mysql shop at db.example.com: stackmatrix migrates",
        ),
        (
            'paths = ["/"]',
            {"manage.py": small_project.MANAGE.replace("import sys\n", f"import sys\n{FORCED}")},
            "manage.py sets DJANGO_SETTINGS_MODULE to another module whatever it was: nothing can be overridden then.",
        ),
        (
            'paths = ["/"]',
            {
                **{name: text.replace("mysite.settings", "mysite.settings.dev") for name, text in PROJECT.items()},
                "mysite/settings.py": "",
                "mysite/settings/dev.py": SETTINGS,
                "mysite/settings/production.py": SETTINGS,
            },
            ("The settings are not clear: mysite.settings.dev (said by manage.py, mysite/wsgi.py and mysite/asgi.py) "
            "has mysite.settings.production beside it. Say which are deployed: "
            'settings = "mysite.settings.production".'),
        ),
        (
            'paths = ["/"]\nenv = { DATABASE_URL = "{postgres.url}" }',
            {},
            'env.DATABASE_URL has {postgres.url}: add services = ["postgres"].',
        ),
        (
            'paths = ["/"]\nsecrets = ["STRIPE_KEY"]',
            {},
            "secrets names STRIPE_KEY, and your environment has no STRIPE_KEY.",
        ),
        (
            'paths = ["/"]\nsetup = ["migrate", "seed.py"]',
            {"seed.py": "input('What is your name? ')"},
            'The step "seed.py" asked a question: add --noinput and what it wants as DJANGO_SUPERUSER_… in [env].',
        ),
        (
            'paths = ["/"]\nsetup = ["migrate", "seed.py"]',
            {},
            "setup: there is no file seed.py, neither in the project nor beside stackmatrix.toml.",
        ),
        (
            'paths = ["/"]\nsetup = ["migrate", "showmigrations --noinput"]',
            {},
            ('The step "showmigrations --noinput" failed: manage.py showmigrations: error: unrecognized arguments: '
            "--noinput"),
        ),
        (
            'paths = ["/"]\nsetup = ["$ echo built; false"]',
            {},
            'The step "$ echo built; false" failed: built',
        ),
        (
            'paths = ["/"]',
            {
                "mysite/settings.py": SETTINGS.replace("INSTALLED_APPS = [", 'INSTALLED_APPS = ["mysite", '),
                "mysite/models.py": "from django.core.checks import Error, register\n\n\n@register()\n"
                "def check(**_):\n    return [Error('The keys are for tests.', id='shop.E001')]\n",
            },
            ("(shop.E001) The keys are for tests. Mend it, or say override.SILENCED_SYSTEM_CHECKS = "
            '["shop.E001"].'),
        ),
        (
            'paths = ["/"]\n[[request]]\npath = "/mine/"\nuser = "ada"\n[login.ada]\npath = "/"\nform = { user = "a" }',
            {},
            "[login.ada]: its page / has no form with a password.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_set_up_is_refused_in_one_sentence(
    tmp_path: Path, file: str, changed: Mapping[str, str], said: str
) -> None:
    assert said in refused(tmp_path, file, changed)


def test_each_answer_that_is_not_right_is_explained_by_itself(tmp_path: Path) -> None:
    file = """
    paths = ["/users", "/mine/", "/shop/", "/late/", "/upstream/", "/mail/"]
    override = { EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend", EMAIL_PORT = 9 }
    env = { RATES_URL = "http://127.0.0.1:9/" }
    request = [
        { path = "/groups/", json = { name = "{n}" }, csrf = false },
        { path = "/", expect = { contains = "Sale" } },
    ]
    """
    assert [found[: len(said)] for found, said in zip(wrong(tmp_path, file), EACH, strict=True)] == list(EACH)


EACH = (
    "/users answered 301, to /users/: write the path with its slash.",
    '/mine/ answered 302, to /accounts/login/?next=/mine/: this page wants a login. Say user = "NAME".',
    "/shop/ answered 404: there is no such page; is the set-up complete (data loaded?), and the path with its prefix?",
    "/late/ answered 500: an async view touches the database where it must not (SynchronousOnlyOperation);",
    "/upstream/ answered 500: the project calls a service that does not answer",
    "/mail/ answered 500: the project sends mail, and no mail server takes it: leave EMAIL_BACKEND and MAILERS out of",
    "/groups/ answered 403: the CSRF check failed; leave csrf = false away.",
    "/ lacks 'Sale'.",
)


@pytest.mark.parametrize(
    ("file", "changed", "said"),
    [
        (
            'paths = ["/"]\nhost = "example.org"',
            {},
            ('/ answered 400: the host example.org is not in ALLOWED_HOSTS. Say host = "www.example.com" with one that '
            'is, or override.ALLOWED_HOSTS = ["*"].'),
        ),
        (
            'paths = ["/"]\nhttps = false\noverride = { SECURE_SSL_REDIRECT = true }',
            {},
            "/ answered 301, to https://…: the project wants https. Say https = true.",
        ),
        (
            ('request = [{ path = "/mine/", user = "ada" }]\n'
            'override = { SESSION_ENGINE = "django.contrib.sessions.backends.cache" }'),
            {},
            ("/mine/ answered 302: the session made for ada is not accepted (sessions in local memory, or a SECRET_KEY "
            "drawn at each start?); give the project one SECRET_KEY, or log in by form: [login.ada]."),
        ),
        (
            'request = [{ path = "/mine/", user = "ada" }]',
            {
                "mysite/settings.py": SETTINGS.replace(
                    '"the same in every process"', '__import__("secrets").token_hex()'
                )
            },
            "/mine/ answered 302: the session made for ada is not accepted",
        ),
        (
            'paths = ["/users/"]\nsetup = []',
            {},
            '/users/ answered 500: no such table: auth_user. Add "migrate" to setup.',
        ),
        (
            'request = [{ path = "/groups/", json = { name = "always the same" } }]',
            {},
            ('/groups/: The first POST was right and the second was not (400): give it another value each time: '
            'name = "tag {n}".'),
        ),
        (
            'request = [{ path = "/groups/", json = { name = "{n}" }, expect = { json = { groups = 1 } } }]',
            {},
            (
                "/groups/: Right when asked first, wrong under load: has 2 as groups in its JSON, not 1. "
                "Does a [[request]] of this file change it?"
            ),
        ),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_right_is_explained(
    tmp_path: Path, file: str, changed: Mapping[str, str], said: str
) -> None:
    found = wrong(tmp_path, file, changed)
    assert len(found) == 1
    assert found[0].startswith(said)


def test_static_files_that_are_not_collected_are_named(tmp_path: Path) -> None:
    settings = SETTINGS.replace("INSTALLED_APPS = [", 'INSTALLED_APPS = ["django.contrib.staticfiles", ')
    settings += (
        'STATIC_URL = "/static/"\nSTATIC_ROOT = BASE_DIR / "static"\n'
        'STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}\n'
    )
    urls = small_project.URLS.replace(
        "def index(request):\n",
        "def index(request):\n    from django.templatetags.static import static\n    static('shop.css')\n",
    )
    changed = {"mysite/settings.py": settings, "mysite/urls.py": urls}
    (found,) = wrong(tmp_path, 'paths = ["/"]\nsetup = ["migrate"]', changed)
    assert (
        "Missing staticfiles manifest entry for 'shop.css'. The static files are not collected, or not built" in found
    )


def test_a_path_that_only_wsgi_can_serve_is_told_on_an_asgi_server_only(tmp_path: Path) -> None:
    with prepared(tmp_path, 'paths = ["/environ/"]') as application:
        assert application.wrong == ()
        why = check_on_server(application)["/environ/"].why
    assert why == (
        "/environ/ answered 500: the project reads what only WSGI has, so ASGI cannot serve this path. "
        "Say asgi = false to leave those stacks out."
    )


def test_a_page_is_asked_with_each_of_its_values_and_the_wrong_one_is_named(tmp_path: Path) -> None:
    file = 'request = [{ path = "/{page}/", values = { page = ["users", "nowhere", "variable"] } }]'
    (found,) = wrong(tmp_path, file)
    assert found.startswith("/nowhere/ answered 404: there is no such page")


def test_an_answer_that_is_unlike_on_a_server_is_told_unless_the_file_lets_it(tmp_path: Path) -> None:
    # The test client comes from no port.
    urls = small_project.URLS.replace('"x" * 1000', '"x" * (2000 if "REMOTE_PORT" in request.META else 1000)')
    with prepared(tmp_path, 'paths = ["/"]', {"mysite/urls.py": urls}) as application:
        why = check_on_server(application)["/"].why or ""
    assert why.startswith(f"/: The answers of {STACK.name} and Django's test client differ: that of {STACK.name} has ")
    file = 'request = [{ path = "/", expect = { like = false } }]'
    with prepared(tmp_path / "again", file, {"mysite/urls.py": urls}) as application:
        assert check_on_server(application)["/"].why is None


def test_connections_that_are_kept_under_asgi_and_writes_to_sqlite_are_warned_of(tmp_path: Path) -> None:
    file = (
        'request = [{ path = "/groups/", json = { name = "{n}" } }]\n'
        "[override.DATABASES.default]\nCONN_MAX_AGE = 60\n[override.wsgi.DATABASES.default]\nCONN_MAX_AGE = 0"
    )
    with prepared(tmp_path, file) as application:
        notes = " ".join(application.notes)
    assert (
        "CONN_MAX_AGE is 60, and under ASGI every request's connection stays: "
        "[override.asgi.DATABASES.default] CONN_MAX_AGE = 0." in notes
    )
    assert 'transaction_mode = "IMMEDIATE"' in notes


def test_a_first_file_names_the_settings_that_are_deployed_with_the_reason_and_what_they_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "install", lambda *_, **__: ENVIRONMENT)
    lacking = SETTINGS.replace('"the same in every process"', '""').replace('["shop.example"]', "[]")
    project = tmp_path / "site"
    changed = {name: text.replace("mysite.settings", "mysite.settings.dev") for name, text in PROJECT.items()}
    changed |= {"mysite/settings.py": "", "mysite/settings/dev.py": SETTINGS, "mysite/settings/production.py": lacking}
    small_project.make(project, "", changed)
    with pytest.raises(AppFileError, match="is not there"):
        starting_file.write(tmp_path / "nowhere", print, python="3.13")
    text = starting_file.write(project, print, python="3.13").read_text()
    assert "# The settings are not clear: mysite.settings.dev (said by manage.py, mysite/wsgi.py" in text
    written = app_file.read(project)
    assert written.settings == "mysite.settings.production"
    assert written.override.both == {"ALLOWED_HOSTS": ["*"], "SECRET_KEY": "only-for-the-benchmark"}
    assert ("/", None) in [(one.page.path, one.user) for one in written.requests]


def test_a_server_is_waited_for_until_the_application_says_that_it_is_ready(tmp_path: Path) -> None:
    urls = small_project.URLS.replace(
        'return HttpResponse("<title>Shop</title>" + "x" * 1000)',
        "ASKED.append(request.path)\n    return HttpResponse(f'{len(ASKED)}', status=200 if len(ASKED) > 2 else 503)",
    ).replace("urlpatterns = [", 'ASKED = []\nurlpatterns = [path("ready/", index),')
    file = 'request = [{ path = "/variable/" }, { path = "/", expect = { status = 503, like = false } }]\n'
    with prepared(tmp_path / "no", file, {"mysite/urls.py": urls}) as application:
        assert check_on_server(application)["/"].status == 503
    with prepared(tmp_path / "yes", f'{file}ready = {{ path = "/ready/" }}', {"mysite/urls.py": urls}) as application:
        assert check_on_server(application)["/"].status == 200


def test_calls_are_said_not_to_be_verified_where_there_are_any(tmp_path: Path) -> None:
    file = 'paths = ["/"]\n'
    with prepared(tmp_path / "none", file) as application:
        assert "not verified" not in " ".join(application.notes)
    with prepared(tmp_path / "one", f"{file}[upstream.rates]\ndelay_ms = 5") as application:
        assert "whether a page calls rates as it should is not verified, only its answer" in application.notes


def test_a_project_that_wants_https_sees_it_behind_a_server_that_takes_no_proxys_word(tmp_path: Path) -> None:
    settings = {"mysite/settings.py": f"{SETTINGS}SECURE_SSL_REDIRECT = True\n"}
    deaf = replace(STACK, command=(*STACK.command, "--no-proxy-headers"))
    with prepared(tmp_path, 'paths = ["/"]', settings) as application:
        assert application.served.claims_https
        assert "SECURE_PROXY_SSL_HEADER is set to one of the harness's" in " ".join(application.notes)
        (checked,) = checking.check(application, deaf, ENVIRONMENT)
        assert (checked.status, checked.why) == (200, None)


def test_a_path_is_asked_for_as_a_browser_does_and_named_as_it_is_written(tmp_path: Path) -> None:
    urls = f'{small_project.URLS}\nurlpatterns.append(path("café à/", index))\n'
    with prepared(tmp_path, 'paths = ["/café à/?q=é"]', {"mysite/urls.py": urls}) as application:
        assert application.wrong == ()
        assert check_on_server(application)["/café à/?q=é"].status == 200


def test_the_external_api_of_an_app_is_the_one_whose_figures_are_read(tmp_path: Path) -> None:
    file = 'paths = ["/"]\nservices = ["slow-api"]\nenv = { API = "{slow-api.url}" }'
    with prepared(tmp_path, file) as application:
        port = application.served.api_port
        assert port == application.companions.ports["slow-api"]
        assert port is not None
        assert external_api.read_figures(port) is not None


def test_the_walk_through_shows_sentences_that_are_provoked_here() -> None:
    tests = (test_what_cannot_be_set_up_is_refused_in_one_sentence, test_an_answer_that_is_not_right_is_explained)
    provoked = [*EACH, *(said for test in tests for _, _, said in vars(test)["pytestmark"][0].args[1])]
    page = (HERE.parents[1] / "docs" / "your-own-app.md").read_text(encoding="utf-8")
    table, _, _ = page.partition("| mistake |")[2].partition("\n\n")
    shown = re.findall(r"^\| [^`|]*(?:`[^`]*`[^`|]*)? \| `(.+)` \|$", table, re.MULTILINE)
    assert len(shown) > 15
    assert [one for one in shown if not any(said in one or one in said for said in provoked)] == []
