"""Calls whose delays have a long tail: the page waits for the slowest of three draws."""

from django.http import HttpRequest, HttpResponse

from fanout_site.views.calls import answer_async, answer_sync, paths
from fanout_site.views.fanout_shared_client import shared_async_client, shared_client

ADDRESS = "slow-tail/"


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return answer_sync(request, shared_client(), paths(ms, "/tail"))


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return await answer_async(request, shared_async_client(), paths(ms, "/tail"))
