"""One client for the whole process, with the limits that httpx has by itself: 100 connections, 20 of them kept.

A request that finds all 100 taken waits for one, 5 s at most, as for everything else.
"""

import functools

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fanout_site.views.calls import OPTIONS, answer_async, answer_sync, paths

ADDRESS = "bounded-pool/"
POOL = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=settings.SLOW_API_KEEPALIVE_S)


@functools.cache
def bounded_client() -> httpx.Client:
    return httpx.Client(**OPTIONS, limits=POOL)


@functools.cache
def bounded_async_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(**OPTIONS, limits=POOL)


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return answer_sync(request, bounded_client(), paths(ms))


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return await answer_async(request, bounded_async_client(), paths(ms))
