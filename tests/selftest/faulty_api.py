"""The external API with a fault. Everything else is the real one, the rest of its command line too: ``--port N``.

``--factor F`` sleeps F times as long as asked, ``--more-ms N --after CALLS`` so much longer after so many calls.
``--lose-every N`` leaves every Nth call out of its count, ``--burn-ms N`` keeps its core busy so long for each call
after ``--after`` ones, ``--backlog N`` listens with so short a queue. What it says of its sleeps is true.
"""

import argparse
import itertools
import sys
from time import perf_counter

from slow_api import __main__ as real
from slow_api import app, serving
from slow_api.law import Meant
from slow_api.ledger import Ledger, ViewRequest

parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=float, default=1.0)
parser.add_argument("--more-ms", type=int, default=0)
parser.add_argument("--after", type=int, default=0)
parser.add_argument("--lose-every", type=int, default=0)
parser.add_argument("--burn-ms", type=int, default=0)
parser.add_argument("--backlog", type=int, default=serving.BACKLOG)
options, sys.argv[1:] = parser.parse_known_args()

calls = itertools.count(1)
sleep_until = app._client_stays


async def oversleep(receive: serving.Receive, until: float) -> bool:
    asked_s = until - perf_counter()
    is_faulty = next(calls) > options.after
    more_s = options.more_ms / 1000 if is_faulty else 0.0
    burn_until = perf_counter() + (options.burn_ms / 1000 if is_faulty else 0.0)
    while perf_counter() < burn_until:
        pass
    return await sleep_until(receive, until + asked_s * (options.factor - 1) + more_s)


class LossyLedger(Ledger):
    seen = 0

    def start(self, request_id: str | None, meant: Meant) -> ViewRequest | None:
        request = super().start(request_id, meant)
        self.seen += 1
        if self.seen % options.lose_every == 0:
            self.calls_started -= 1
        return request


app._client_stays = oversleep
serving.BACKLOG = options.backlog
if options.lose_every:
    app.Ledger = LossyLedger  # type: ignore[attr-defined]
real.main()
