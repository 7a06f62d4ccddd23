"""The site for WSGI servers: the sync views."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fanout_site.settings")
application = get_wsgi_application()
