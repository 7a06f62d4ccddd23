"""Django is set up once per process and the views read the API's address at import: so both are settled here."""

import os
import socket

import django
import pytest

# Bound now and listened on later, so that the port is ours from the moment the site is told of it.
_api_socket = socket.socket()
_api_socket.bind(("127.0.0.1", 0))

os.environ["SLOW_API_URL"] = f"http://127.0.0.1:{_api_socket.getsockname()[1]}"
os.environ["SLOW_API_TIMEOUT_S"] = "1"
os.environ["SLOW_API_KEEPALIVE_S"] = "60"
# httpx heeds proxies from the environment, for 127.0.0.1 too.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
os.environ["DJANGO_SETTINGS_MODULE"] = "fanout_site.settings"
django.setup()


@pytest.fixture(scope="session")
def api_socket() -> socket.socket:
    """The bound socket of the port where the site looks for the external API."""
    return _api_socket
