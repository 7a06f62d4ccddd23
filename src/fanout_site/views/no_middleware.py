"""One pooled client, on a site without middleware: what Django's bridge from async to sync and back costs.

Under ASGI each middleware that is not async runs in a thread, so that most sites go through one for every request. A
site has one list of middleware in a process, so this page is right only where ``FANOUT_SITE_MIDDLEWARE`` is ``none``.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from fanout_site.views.calls import answer_async, answer_sync, paths
from fanout_site.views.fanout_shared_client import shared_async_client, shared_client

ADDRESS = "no-middleware/"
REFUSAL = "This site has middleware: start it with FANOUT_SITE_MIDDLEWARE=none.\n"


def sync_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return _refuse() if settings.MIDDLEWARE else answer_sync(request, shared_client(), paths(ms))


async def async_view(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return _refuse() if settings.MIDDLEWARE else await answer_async(request, shared_async_client(), paths(ms))


def _refuse() -> HttpResponse:
    return HttpResponse(REFUSAL, status=501, content_type="text/plain; charset=utf-8")
