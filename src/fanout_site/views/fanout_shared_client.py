"""One pooled client for the whole process."""

import functools

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fanout_site.views.calls import OPTIONS, answer_async, answer_sync, paths

ADDRESS = "shared-client/"
# httpx allows 100 connections and keeps 20 by default; 100 users with three calls each run into both.
POOL = httpx.Limits(
    max_connections=1000, max_keepalive_connections=1000, keepalive_expiry=settings.SLOW_API_KEEPALIVE_S
)


@functools.cache
def shared_client() -> httpx.Client:
    return httpx.Client(**OPTIONS, limits=POOL)


@functools.cache
def shared_async_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(**OPTIONS, limits=POOL)


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return answer_sync(request, shared_client(), paths(ms))


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return await answer_async(request, shared_async_client(), paths(ms))
