"""One process of a trial's load: ``locust --headless -f locust/locustfile.py --plan FILE --orders-fd N --events-fd M``.

Locust gives the client, the events and the process. One user conducts all visitors, level by level as the harness
orders them, since locust's own shapes are polled once a second, ramp while they are measured, and know no arrival rate.
"""

from pathlib import Path
from typing import Any

from gevent.fileobject import FileObject
from locust import FastHttpUser, events, log, runners, task

from driver import Driver
from recorder import Recorder
from stackmatrix.load.protocol import Done, End, Event, LoadPlan, Ready, decode, encode

# Locust looks at its own CPU from time to time, and ends when it cannot: the harness reads it from outside.
runners.CPU_MONITOR_INTERVAL = 1_000_000


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: Any) -> None:
    """Declare the options that the harness passes."""
    parser.add_argument("--plan", required=True, help="JSON file with what stays the same for all levels")
    parser.add_argument("--orders-fd", type=int, required=True, help="open file from which levels are ordered")
    parser.add_argument("--events-fd", type=int, required=True, help="open file to which events are told")


class Conductor(FastHttpUser):
    """The one user: its task is the whole trial."""

    fixed_count = 1
    host = "http://127.0.0.1"

    @task
    def conduct(self) -> None:
        """Run what is ordered, tell how it went, and end locust."""
        options = self.environment.parsed_options
        plan = LoadPlan.from_json(Path(options.plan).read_text(encoding="utf-8"))
        recorder = Recorder(Path(plan.rows_path))
        recorder.begin()
        self.environment.events.request.add_listener(recorder.on_request)
        with FileObject(options.events_fd, "wb", buffering=0) as pipe, FileObject(options.orders_fd, "rb") as orders:

            def tell(event: Event) -> None:
                pipe.write(encode(event))

            failure = None
            try:
                driver = Driver(self, plan, recorder, tell, lambda: decode(orders.readline()))
                tell(Ready())
                while line := orders.readline():
                    driver.run(decode(line))
                    tell(self._tally(recorder))
            except Exception as error:  # locust would only log it, and the trial would wait for ever
                failure = f"{type(error).__name__}: {error}"
            tell(End(failure))
        self.environment.runner.quit()

    def _tally(self, recorder: Recorder) -> Done:
        """Whether every request that locust knows of was recorded; what goes wrong in a listener it only logs."""
        return Done(
            recorded=recorder.fired,
            counted=self.environment.stats.total.num_requests,
            exceptions=len(self.environment.runner.exceptions) + bool(log.unhandled_greenlet_exception),
            wrong=recorder.take_wrong(),
        )
