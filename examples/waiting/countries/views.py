"""The same page twice, sync and async: it waits for three answers of a slow API, all at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
from django.http import HttpRequest, JsonResponse

API = "http://localhost:5000/"
CALLS = 3


def sync_page(_: HttpRequest) -> JsonResponse:
    with httpx.Client() as client, ThreadPoolExecutor(CALLS) as threads:
        answers = list(threads.map(client.get, [API] * CALLS))
    return JsonResponse({"countries": [answer.json()["name"] for answer in answers]})


async def async_page(_: HttpRequest) -> JsonResponse:
    async with httpx.AsyncClient() as client:
        answers = await asyncio.gather(*(client.get(API) for _ in range(CALLS)))
    return JsonResponse({"countries": [answer.json()["name"] for answer in answers]})
