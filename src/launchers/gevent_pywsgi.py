"""gevent's own WSGI server, which has no command line: ``python -m launchers.gevent_pywsgi APPLICATION --port N``.

The standard library is patched before the application is loaded: its thread pools become cooperative only then.
"""

import argparse

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from under_test import application


def main() -> None:
    parser = argparse.ArgumentParser(prog="launchers.gevent_pywsgi")
    parser.add_argument("application")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backlog", type=int, required=True)
    parser.add_argument("--greenlets", type=int, required=True)
    options = parser.parse_args()
    pool, serves = Pool(options.greenlets), application.named(options.application)
    server = WSGIServer(("127.0.0.1", options.port), serves, backlog=options.backlog, spawn=pool, log=None)
    server.serve_forever()


if __name__ == "__main__":
    main()
