"""The three calls one after the other, as code does that nobody has made parallel."""

import time

import httpx
from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls
from fanout_site.views.fanout_shared_client import shared_async_client, shared_client

ADDRESS = "sequential-calls/"


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    started, headers, client = time.perf_counter(), calls.request_id(request), shared_client()
    try:
        responses = [client.get(path, headers=headers) for path in calls.paths(ms)]
        return calls.page(request, [response.raise_for_status().json() for response in responses], started)
    except (httpx.HTTPError, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    started, headers, client = time.perf_counter(), calls.request_id(request), shared_async_client()
    try:
        responses = [await client.get(path, headers=headers) for path in calls.paths(ms)]
        return calls.page(request, [response.raise_for_status().json() for response in responses], started)
    except (httpx.HTTPError, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)
