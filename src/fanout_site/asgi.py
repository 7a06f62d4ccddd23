"""The site for ASGI servers: the async views."""

import os

from django.core.asgi import get_asgi_application

from fanout_site import planted

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fanout_site.settings_async")
application = planted.asgi(get_asgi_application())
