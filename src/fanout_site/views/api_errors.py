"""Calls of which one in twenty fails or is never answered: the page shows what came, and says what did not.

A call that is not answered ends with the client's time-out, so that the page comes late and is right.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls
from fanout_site.views.fanout_shared_client import shared_async_client, shared_client

ADDRESS = "api-errors/"
FAILURES = (httpx.HTTPError, *calls.UNREADABLE)


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    started, headers, client = time.perf_counter(), calls.request_id(request), shared_client()

    def ask(path: str) -> dict[str, Any]:
        try:
            return _read(client.get(path, headers=headers))
        except FAILURES as error:
            return _failed(error)

    with ThreadPoolExecutor(max_workers=3) as pool:
        found = list(pool.map(ask, calls.paths(ms, "/flaky")))
    return calls.page(request, found, started, TEMPLATE)


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    started, headers, client = time.perf_counter(), calls.request_id(request), shared_async_client()

    async def ask(path: str) -> dict[str, Any]:
        try:
            return _read(await client.get(path, headers=headers))
        except FAILURES as error:
            return _failed(error)

    found = await asyncio.gather(*(ask(path) for path in calls.paths(ms, "/flaky")))
    return calls.page(request, found, started, TEMPLATE)


TEMPLATE = "page_with_errors.html"


def _read(response: httpx.Response) -> dict[str, Any]:
    country = response.raise_for_status().json()
    return {"name": country["name"], "code": country["code"]}


def _failed(error: Exception) -> dict[str, Any]:
    """In place of a country: no name, and what went wrong in place of its code."""
    return {"name": None, "code": type(error).__name__}
