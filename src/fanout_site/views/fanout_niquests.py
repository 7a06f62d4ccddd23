"""One niquests session for the whole process.

niquests is imported by the first request, so that a process that serves other pages does not hold it.
"""

import asyncio
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls

ADDRESS = "niquests/"
POOL = {"pool_connections": 1000, "pool_maxsize": 1000}


@functools.cache
def shared_session() -> Any:
    import niquests

    return niquests.Session(base_url=settings.SLOW_API_URL, timeout=settings.SLOW_API_TIMEOUT_S, **POOL)


@functools.cache
def shared_async_session() -> Any:
    import niquests

    return niquests.AsyncSession(base_url=settings.SLOW_API_URL, timeout=settings.SLOW_API_TIMEOUT_S, **POOL)


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    from niquests import RequestException

    started, headers, session = time.perf_counter(), calls.request_id(request), shared_session()
    try:
        with ThreadPoolExecutor(max_workers=3) as pool:
            responses = list(pool.map(lambda path: session.get(path, headers=headers), calls.paths(ms)))
        return calls.page(request, [response.raise_for_status().json() for response in responses], started)
    except (RequestException, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    from niquests import RequestException

    started, headers, session = time.perf_counter(), calls.request_id(request), shared_async_session()
    try:
        responses = await asyncio.gather(*(session.get(path, headers=headers) for path in calls.paths(ms)))
        return calls.page(request, [response.raise_for_status().json() for response in responses], started)
    except (RequestException, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)
