"""A new client for every request, as much code does."""

import httpx
from django.http import HttpRequest, HttpResponse

from fanout_site.views.calls import OPTIONS, answer_async, answer_sync, paths

ADDRESS = ""


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    with httpx.Client(**OPTIONS) as client:
        return answer_sync(request, client, paths(ms))


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    async with httpx.AsyncClient(**OPTIONS) as client:
        return await answer_async(request, client, paths(ms))
