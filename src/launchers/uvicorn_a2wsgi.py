"""Uvicorn with a WSGI application, by a2wsgi: ``python -m launchers.uvicorn_a2wsgi APPLICATION --port N``."""

import argparse

import uvicorn
from a2wsgi import WSGIMiddleware

from under_test import application


def main() -> None:
    parser = argparse.ArgumentParser(prog="launchers.uvicorn_a2wsgi")
    parser.add_argument("application")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    uvicorn.run(
        WSGIMiddleware(application.named(options.application), workers=options.threads),
        host="127.0.0.1",
        port=options.port,
        backlog=options.backlog,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
    )


if __name__ == "__main__":
    main()
