"""What most views do: call the external API three times in parallel with httpx, and render what it said."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

OPTIONS = {"base_url": settings.SLOW_API_URL, "timeout": settings.SLOW_API_TIMEOUT_S}
UNREADABLE = (ValueError, KeyError, TypeError)
"""What an answer leads to that is no country."""


def answer_sync(request: HttpRequest, client: httpx.Client, asked: Sequence[str]) -> HttpResponse:
    started, headers = time.perf_counter(), request_id(request)
    try:
        with ThreadPoolExecutor(max_workers=3) as pool:
            responses = list(pool.map(lambda path: client.get(path, headers=headers), asked))
        return page(request, [response.raise_for_status().json() for response in responses], started)
    except (httpx.HTTPError, *UNREADABLE) as error:
        return bad_gateway(error)


async def answer_async(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
    started, headers = time.perf_counter(), request_id(request)
    try:
        responses = await asyncio.gather(*(client.get(path, headers=headers) for path in asked))
        return page(request, [response.raise_for_status().json() for response in responses], started)
    except (httpx.HTTPError, *UNREADABLE) as error:
        return bad_gateway(error)


def paths(ms: int, kind: str = "") -> list[str]:
    return [f"{kind}/{ms}/", f"{kind}/{2 * ms}/", f"{kind}/{ms // 2}/"]


def request_id(request: HttpRequest) -> dict[str, str]:
    """The header by which the external API tells which calls belong to one request."""
    return {"X-Request-ID": request.headers.get("X-Request-ID") or uuid.uuid4().hex}


def page(request: HttpRequest, countries: Sequence[Any], started: float, template: str = "page.html") -> HttpResponse:
    rows = [{"name": country["name"], "code": country["code"]} for country in countries]
    return render(request, template, {"countries": rows, "took_s": time.perf_counter() - started})


def bad_gateway(error: Exception) -> HttpResponse:
    sentence = f"The external API failed: {type(error).__name__}."
    return HttpResponse(sentence, status=502, content_type="text/plain; charset=utf-8")
