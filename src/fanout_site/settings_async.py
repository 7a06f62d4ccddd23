"""The same settings, with the async views behind the same addresses."""

from fanout_site.settings import *  # noqa: F403 - Django's own idiom: settings that differ in one line

ROOT_URLCONF = "fanout_site.urls_async"
