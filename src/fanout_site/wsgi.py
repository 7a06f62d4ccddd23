"""The site for WSGI servers: the sync views."""

import os

from django.core.wsgi import get_wsgi_application

from fanout_site import planted

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fanout_site.settings")
application = planted.wsgi(get_wsgi_application())
