"""The same page without any call: what the server and Django cost alone."""

import time

from django.http import HttpRequest, HttpResponse

from fanout_site.views import calls

ADDRESS = "no-calls/"
COUNTRIES = (
    {"name": "Chad", "code": "TD"},
    {"name": "Peru", "code": "PE"},
    {"name": "Nepal", "code": "NP"},
)


def sync_view(request: HttpRequest, ms: int = 0) -> HttpResponse:  # noqa: ARG001 - every workload's view takes it
    return calls.page(request, COUNTRIES, time.perf_counter())


async def async_view(request: HttpRequest, ms: int = 0) -> HttpResponse:  # noqa: ARG001 - as above
    return calls.page(request, COUNTRIES, time.perf_counter())
