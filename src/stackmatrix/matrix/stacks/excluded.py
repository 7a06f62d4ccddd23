"""Servers and ways to run them that are no rows of the table, each with what was observed when it was tried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was tried, with its version where it has one, and why it is no row."""

    name: str
    reason: str


EXCLUDED = (
    Candidate(
        "bjoern 3.2.2",
        "One request at a time, whatever the view waits for: 1.6 requests a second. Its last release and its last "
        "commit are of 2022.",
    ),
    Candidate("fastwsgi, fastpysgi with WSGI", "One request at a time, whatever the view waits for."),
    Candidate("fastpysgi with ASGI", "Of 130 requests none was answered right."),
    Candidate("Granian with RSGI", "Django has no RSGI application."),
    Candidate("Gunicorn with eventlet", "It does not start; eventlet advises to leave it for something else."),
    Candidate(
        "Hypercorn with WSGI, Uvicorn with --interface wsgi",
        "6 and 10 requests at a time: their thread pools are not made for views that wait, and no flag makes them "
        "larger. Uvicorn's own warns that it is deprecated.",
    ),
    Candidate(
        "Uvicorn with --limit-concurrency 100",
        "It counts connections, not requests: 127 of 130 visitors got status 503.",
    ),
    Candidate(
        "pyruvate 1.6", "No second request is answered on a connection, and with its option for that requests hang."
    ),
    Candidate(
        "The async views under a WSGI server's threads",
        "Status 500 from the second request on with the shared client, whose event loop has ended with the first.",
    ),
)
