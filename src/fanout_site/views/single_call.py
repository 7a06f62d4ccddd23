"""One call in place of three, and so without anything that runs beside it."""

import time

import httpx
from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls
from fanout_site.views.fanout_shared_client import shared_async_client, shared_client

ADDRESS = "single-call/"


def sync_view(request: HttpRequest, ms: int = 600) -> HttpResponse:
    started, headers = time.perf_counter(), calls.request_id(request)
    try:
        response = shared_client().get(f"/{ms}/", headers=headers)
        return calls.page(request, [response.raise_for_status().json()], started)
    except (httpx.HTTPError, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)


async def async_view(request: HttpRequest, ms: int = 600) -> HttpResponse:
    started, headers = time.perf_counter(), calls.request_id(request)
    try:
        response = await shared_async_client().get(f"/{ms}/", headers=headers)
        return calls.page(request, [response.raise_for_status().json()], started)
    except (httpx.HTTPError, *calls.UNREADABLE) as error:
        return calls.bad_gateway(error)
