"""The site for ASGI servers, with the sync views: Django runs each in a thread."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fanout_site.settings")
application = get_asgi_application()
