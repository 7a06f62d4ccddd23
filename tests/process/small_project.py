"""A small Django project for tests of applications: each test changes one thing in it, or in what its file says."""

import sys
from collections.abc import Mapping
from pathlib import Path

PYTHON = Path(sys.executable)
"""The environment of the tests has Django and Uvicorn, which is all that the project needs."""

RUNS = """import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
"""

SETTINGS = """from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "the same in every process"
DEBUG = False
ALLOWED_HOSTS = ["shop.example"]
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
LOGIN_URL = "/accounts/login/"
USE_TZ = True
"""

URLS = """import json
import os
import urllib.request

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Group, User
from django.core.mail import send_mail
from django.http import HttpResponse, JsonResponse
from django.urls import path


def index(request):
    return HttpResponse("<title>Shop</title>" + "x" * 1000)


def groups(request):
    name = json.loads(request.body)["name"]
    if Group.objects.filter(name=name).exists():
        return JsonResponse({"error": "there already"}, status=400)
    Group.objects.create(name=name)
    return JsonResponse({"name": name, "groups": Group.objects.count()})


def users(request):
    return JsonResponse({"users": [user.username for user in User.objects.all()]})


@login_required
def mine(request):
    return HttpResponse(f"<title>Mine</title>{request.user.username}")


def environ(request):
    return HttpResponse(request.environ["SERVER_NAME"])


async def late(request):
    return HttpResponse(str(User.objects.count()))


def upstream(request):
    with urllib.request.urlopen(os.environ["RATES_URL"], timeout=5) as answer:
        return JsonResponse({"rate": json.load(answer)["rate"]})


def mail(request):
    return HttpResponse(str(send_mail("a", "b", "a@example.com", ["b@example.com"])))


def variable(request):
    return JsonResponse({"value": os.environ.get("TOKEN"), "home": os.environ.get("STACKMATRIX_UV")})


urlpatterns = [
    path("", index), path("groups/", groups), path("users/", users), path("mine/", mine), path("environ/", environ),
    path("late/", late), path("upstream/", upstream), path("variable/", variable),
    path("mail/", mail),
]
"""

MANAGE = f"""{RUNS}import sys

from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""
WSGI = RUNS + "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"
ASGI = WSGI.replace("wsgi", "asgi")

FILES = {
    "manage.py": MANAGE,
    "mysite/__init__.py": "",
    "mysite/settings.py": SETTINGS,
    "mysite/urls.py": URLS,
    "mysite/wsgi.py": WSGI,
    "mysite/asgi.py": ASGI,
}


def make(folder: Path, file: str, changed: Mapping[str, str] | None = None) -> Path:
    """Write the project with its file; of ``changed`` an empty text removes a file."""
    for name, text in {**FILES, **(changed or {}), "stackmatrix.toml": file}.items():
        if text or name.endswith("__init__.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    return folder
