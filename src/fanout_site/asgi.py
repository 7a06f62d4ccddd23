"""The site for ASGI servers: the async views."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fanout_site.settings_async")
application = get_asgi_application()
