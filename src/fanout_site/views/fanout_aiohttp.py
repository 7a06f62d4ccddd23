"""One aiohttp session for the whole process. It is async only: there is no sync view.

aiohttp is imported by the first request, so that a process that serves other pages does not hold it. It asks once more
when a connection ends without an answer.
"""

import asyncio
import functools
import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls

ADDRESS = "aiohttp/"


@functools.cache
def shared_session() -> Any:
    import aiohttp

    return aiohttp.ClientSession(
        base_url=settings.SLOW_API_URL,
        timeout=aiohttp.ClientTimeout(total=settings.SLOW_API_TIMEOUT_S),
        connector=aiohttp.TCPConnector(limit=1000, keepalive_timeout=settings.SLOW_API_KEEPALIVE_S),
        raise_for_status=True,
    )


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    from aiohttp import ClientError

    started, headers, session = time.perf_counter(), calls.request_id(request), shared_session()

    async def get(path: str) -> Any:
        async with session.get(path, headers=headers) as response:
            return await response.json()

    try:
        countries = await asyncio.gather(*(get(path) for path in calls.paths(ms)))
        return calls.page(request, countries, started)
    except (ClientError, TimeoutError, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)
