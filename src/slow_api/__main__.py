"""``python -m slow_api --port 5000``: the external API."""

import argparse

from slow_api.app import SlowApi, read_countries
from slow_api.serving import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="slow_api", description="The slow external API, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=5000)
    serve(SlowApi(read_countries()), parser.parse_args().port)


if __name__ == "__main__":
    main()
