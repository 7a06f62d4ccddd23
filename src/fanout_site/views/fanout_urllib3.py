"""One urllib3 pool for the whole process. It is sync only: there is no async view.

urllib3 is imported by the first request, so that a process that serves other pages does not hold it.
"""

import functools
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls

ADDRESS = "urllib3/"


@functools.cache
def shared_pool() -> Any:
    import urllib3

    found: str = vars(urllib3)["__version__"]
    if found != metadata.version("urllib3"):
        # urllib3-future, which niquests brings, takes the name where it was not built to leave it alone.
        raise RuntimeError(f"What is called urllib3 here is another package, of version {found}.")
    return urllib3.connection_from_url(
        settings.SLOW_API_URL, maxsize=1000, timeout=settings.SLOW_API_TIMEOUT_S, retries=False
    )


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    from urllib3.exceptions import HTTPError

    started, headers, connections = time.perf_counter(), calls.request_id(request), shared_pool()

    def get(path: str) -> Any:
        response = connections.request("GET", path, headers=headers)
        if response.status != 200:
            raise HTTPError(response.status)
        return response.json()

    try:
        with ThreadPoolExecutor(max_workers=3) as pool:
            countries = list(pool.map(get, calls.paths(ms)))
        return calls.page(request, countries, started)
    except (HTTPError, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)
