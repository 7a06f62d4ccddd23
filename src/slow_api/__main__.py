"""``python -m slow_api --port 5000``: the external API on uvloop and httptools, without an access log."""

import argparse

import uvicorn

from slow_api.app import SlowApi, read_countries

BACKLOG = 4096
"""Three calls for each of a thousand users may arrive at once; a full queue would be charged to the target."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="slow_api", description="The slow external API, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=5000)
    port = parser.parse_args().port
    uvicorn.run(
        SlowApi(read_countries()),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        backlog=BACKLOG,
        # Longer than any pause of a trial, so that the API never closes a connection that a pooled client keeps.
        timeout_keep_alive=300,
    )


if __name__ == "__main__":
    main()
