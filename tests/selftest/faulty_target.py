"""The site under test with a fault: ``faulty_target:serving_<fault>`` is an application in ``tests/selftest``.

Faults under load begin after ``SOUND_PAGES``: verification and the warm-up of five users for a second take fewer.
"""

import asyncio
import contextlib
import ctypes
import itertools
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
from django.http import HttpRequest, HttpResponse

from fanout_site.asgi import application
from under_test.around import Asgi

# Views need the settings, which the line above has set up.
from fanout_site.views import calls  # isort: skip

SOUND_PAGES = 20
CACHE_MS = 200
SLOWER_MS = 2
"""What each page takes longer than the one before."""
TURN_MS = 40
"""How long each page has something to itself."""
MOST_UNDER_WAY, DOWN_S = 20, 1.0

type Answer = Callable[[HttpRequest, httpx.AsyncClient, Sequence[str]], Awaitable[HttpResponse]]

answer_right: Answer = calls.answer_async


def __getattr__(name: str) -> Asgi:
    """The application with the fault that is named; each fault is made by a function of this module."""
    if not name.startswith("serving_"):
        raise AttributeError(name)
    made: Asgi = globals()[name.removeprefix("serving_")]()
    return made


def answer_by(answer: Answer) -> Asgi:
    calls.answer_async = answer  # type: ignore[assignment]
    return application


def two_calls() -> Asgi:
    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        headers = calls.request_id(request)
        made = await asyncio.gather(*(client.get(path, headers=headers) for path in asked[:2]))
        return calls.page(request, [one.json() for one in (*made, made[0])], 0.0)

    return answer_by(answer)


def in_sequence() -> Asgi:
    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        headers = calls.request_id(request)
        return calls.page(request, [(await client.get(path, headers=headers)).json() for path in asked], 0.0)

    return answer_by(answer)


def wrong_page(sound: int = 0) -> Asgi:
    pages = itertools.count()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        right = await answer_right(request, client, asked)
        return right if next(pages) < sound else HttpResponse("It works!")

    return answer_by(answer)


def wrong_page_under_load() -> Asgi:
    return wrong_page(SOUND_PAGES)


def cached_under_load() -> Asgi:
    kept: list[bytes] = []

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        if len(kept) >= SOUND_PAGES:
            await asyncio.sleep(CACHE_MS / 1000)
            return HttpResponse(kept[-1])
        right = await answer_right(request, client, asked)
        kept.append(right.content)
        return right

    return answer_by(answer)


def ever_slower() -> Asgi:
    pages = itertools.count()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        await asyncio.sleep(next(pages) * SLOWER_MS / 1000)
        return await answer_right(request, client, asked)

    return answer_by(answer)


def other_calls_under_load() -> Asgi:
    """As many calls as ever, and none takes longer than the longest of the right ones: no page shows it."""
    pages = itertools.count()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        if next(pages) < SOUND_PAGES:
            return await answer_right(request, client, asked)
        headers = calls.request_id(request)
        made = await asyncio.gather(*(client.get(asked[1], headers=headers) for _ in range(3)))
        return calls.page(request, [one.json() for one in made], time.perf_counter())

    return answer_by(answer)


def losing_packets_under_load() -> Asgi:
    """One in ten of the packets that come in is dropped, as a filter of the sockets' own has it: socket(7)."""
    pages = itertools.count()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        if next(pages) == SOUND_PAGES:
            lose_packets(int(request.META["SERVER_PORT"]))
        return await answer_right(request, client, asked)

    return answer_by(answer)


SO_ATTACH_FILTER = 26
LOAD, JUMP_IF_ABOVE, RETURN = 0x20, 0x25, 0x06
A_RANDOM_NUMBER = 2**32 - 0x1000 + 56  # linux/filter.h: SKF_AD_OFF + SKF_AD_RANDOM
NINE_TENTHS = 2**32 // 10 * 9


def lose_packets(port: int) -> None:
    """Attach the filter to every socket of this port, and so to those that will be accepted."""
    code = b"".join(
        struct.pack("=HBBI", *instruction)
        for instruction in (
            (LOAD, 0, 0, A_RANDOM_NUMBER),
            (JUMP_IF_ABOVE, 1, 0, NINE_TENTHS),
            (RETURN, 0, 0, 2**32 - 1),
            (RETURN, 0, 0, 0),
        )
    )
    program = ctypes.create_string_buffer(code)
    for file in [*Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(file.name))) as one:
            if one.family == socket.AF_INET and one.getsockname()[1] == port:
                one.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 4, ctypes.addressof(program)))


def one_at_a_time() -> Asgi:
    turn = asyncio.Lock()

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        async with turn:
            await asyncio.sleep(TURN_MS / 1000)
        return await answer_right(request, client, asked)

    return answer_by(answer)


def stays_down() -> Asgi:
    """Pages take long once many were asked for at the same time, and ever after."""
    under_way, is_down = 0, False

    async def answer(request: HttpRequest, client: httpx.AsyncClient, asked: Sequence[str]) -> HttpResponse:
        nonlocal under_way, is_down
        under_way += 1
        is_down = is_down or under_way > MOST_UNDER_WAY
        try:
            await asyncio.sleep(DOWN_S if is_down else 0)
            return await answer_right(request, client, asked)
        finally:
            under_way -= 1

    return answer_by(answer)
