"""Settings of a small production site: DEBUG off, and only the middleware that such a site has."""

import os
import secrets
from pathlib import Path

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
# Nothing here is signed; a key made at start keeps one out of the repository.
SECRET_KEY = secrets.token_urlsafe(50)
ROOT_URLCONF = "fanout_site.urls_sync"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# One workload shows what they cost, by a process that has none.
if os.environ.get("FANOUT_SITE_MIDDLEWARE") == "none":
    MIDDLEWARE = []
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
    }
]
USE_I18N = False
# A page that breaks says why in the server's log; Django by itself would only send mail.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"log": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["log"], "level": "ERROR", "propagate": False}},
}

# The view's own: where the external API is, and how long to wait for it (5 s is httpx's default, too).
SLOW_API_URL = os.environ.get("SLOW_API_URL", "http://127.0.0.1:5000")
SLOW_API_TIMEOUT_S = float(os.environ.get("SLOW_API_TIMEOUT_S", "5"))
# How long the shared client keeps a connection that is not used; 5 s is httpx's default.
SLOW_API_KEEPALIVE_S = float(os.environ.get("SLOW_API_KEEPALIVE_S", "5"))
