"""An ASGI application whose settings are not set: it fails as it is imported, as Django does."""

from django.core.exceptions import ImproperlyConfigured

raise ImproperlyConfigured("Set the KEY variable.")
