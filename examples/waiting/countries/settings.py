"""Settings of a site without a database, whose addresses are chosen by a variable."""

import os

DEBUG = True
SECRET_KEY = "only-for-this-example"  # noqa: S105
ROOT_URLCONF = os.environ.get("ROOT_URLCONF", "countries.urls_sync")
