"""A new client for every request, and one TLS context for all: the smallest change that mends ``fanout``.

Most of what a new client costs is to load the certificates of its context, which plain HTTP never looks at.
"""

import functools
import ssl

import httpx
from django.http import HttpRequest, HttpResponse

from fanout_site.views.calls import OPTIONS, answer_async, answer_sync, paths

ADDRESS = "shared-context/"


@functools.cache
def shared_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    with httpx.Client(**OPTIONS, verify=shared_context()) as client:
        return answer_sync(request, client, paths(ms))


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    async with httpx.AsyncClient(**OPTIONS, verify=shared_context()) as client:
        return await answer_async(request, client, paths(ms))
