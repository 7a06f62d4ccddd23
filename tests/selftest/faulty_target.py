"""The site under test with a fault: ``uvicorn --factory faulty_target:<fault> --app-dir tests/selftest``.

Faults under load begin after ``SOUND_PAGES``: verification and the warm-up of five users for a second take fewer.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import httpx
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse

from fanout_site.asgi import application

# Views need the settings, which the line above has set up.
from fanout_site.views import calls  # isort: skip

SOUND_PAGES = 20
CACHE_MS = 200
SLOWER_MS = 2
"""What each page takes longer than the one before."""
TURN_MS = 40
"""How long each page has something to itself."""

type Answer = Callable[[HttpRequest, httpx.AsyncClient, int], Awaitable[HttpResponse]]

answer_right: Answer = calls.answer_async


def answer_by(answer: Answer) -> ASGIHandler:
    calls.answer_async = answer  # type: ignore[assignment]
    return application


def two_calls() -> ASGIHandler:
    async def answer(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
        headers = calls.request_id(request)
        made = await asyncio.gather(*(client.get(path, headers=headers) for path in calls.paths(ms)[:2]))
        return calls.page(request, [*made, made[0]], 0.0)

    return answer_by(answer)


def in_sequence() -> ASGIHandler:
    async def answer(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
        headers = calls.request_id(request)
        return calls.page(request, [await client.get(path, headers=headers) for path in calls.paths(ms)], 0.0)

    return answer_by(answer)


def wrong_page(sound: int = 0) -> ASGIHandler:
    pages = itertools.count()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
        right = await answer_right(request, client, ms)
        return right if next(pages) < sound else HttpResponse("It works!")

    return answer_by(answer)


def wrong_page_under_load() -> ASGIHandler:
    return wrong_page(SOUND_PAGES)


def cached_under_load() -> ASGIHandler:
    kept: list[bytes] = []

    async def answer(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
        if len(kept) >= SOUND_PAGES:
            await asyncio.sleep(CACHE_MS / 1000)
            return HttpResponse(kept[-1])
        right = await answer_right(request, client, ms)
        kept.append(right.content)
        return right

    return answer_by(answer)


def ever_slower() -> ASGIHandler:
    pages = itertools.count()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
        await asyncio.sleep(next(pages) * SLOWER_MS / 1000)
        return await answer_right(request, client, ms)

    return answer_by(answer)


def one_at_a_time() -> ASGIHandler:
    turn = asyncio.Lock()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, ms: int) -> HttpResponse:
        async with turn:
            await asyncio.sleep(TURN_MS / 1000)
        return await answer_right(request, client, ms)

    return answer_by(answer)
