"""The views under test: call the external API three times in parallel with httpx, and render what it said.

Four views, from two choices: sync (a thread pool) or async (``asyncio.gather``), and a client made for each request or
one client for the whole process.
"""

import asyncio
import functools
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

OPTIONS = {"base_url": settings.SLOW_API_URL, "timeout": settings.SLOW_API_TIMEOUT_S}
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


def fanout_sync(request: HttpRequest, ms: int = 300) -> HttpResponse:
    with httpx.Client(**OPTIONS) as client:
        return answer_sync(request, client, ms)


def fanout_shared_client_sync(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return answer_sync(request, shared_client(), ms)


async def fanout_async(request: HttpRequest, ms: int = 300) -> HttpResponse:
    async with httpx.AsyncClient(**OPTIONS) as client:
        return await answer_async(request, client, ms)


async def fanout_shared_client_async(request: HttpRequest, ms: int = 300) -> HttpResponse:
    return await answer_async(request, shared_async_client(), ms)


def answer_sync(request: HttpRequest, client: httpx.Client, ms: int) -> HttpResponse:
    started, headers = time.perf_counter(), request_id(request)
    try:
        with ThreadPoolExecutor(max_workers=3) as pool:
            responses = list(pool.map(lambda path: client.get(path, headers=headers), paths(ms)))
        return page(request, responses, started)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return bad_gateway(error)


async def answer_async(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
    started, headers = time.perf_counter(), request_id(request)
    try:
        responses = await asyncio.gather(*(client.get(path, headers=headers) for path in paths(ms)))
        return page(request, responses, started)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return bad_gateway(error)


def paths(ms: int) -> list[str]:
    return [f"/{ms}/", f"/{2 * ms}/", f"/{ms // 2}/"]


def request_id(request: HttpRequest) -> dict[str, str]:
    """The header by which the external API tells which calls belong to one request."""
    return {"X-Request-ID": request.headers.get("X-Request-ID") or uuid.uuid4().hex}


def page(request: HttpRequest, responses: list[httpx.Response], started: float) -> HttpResponse:
    countries = [response.raise_for_status().json() for response in responses]
    rows = [{"name": country["name"], "code": country["code"]} for country in countries]
    return render(request, "page.html", {"countries": rows, "took_s": time.perf_counter() - started})


def bad_gateway(error: Exception) -> HttpResponse:
    sentence = f"The external API failed: {type(error).__name__}."
    return HttpResponse(sentence, status=502, content_type="text/plain; charset=utf-8")
