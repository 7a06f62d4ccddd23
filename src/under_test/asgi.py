"""The module that ASGI servers are given."""

from under_test import held
from under_test.application import load
from under_test.around import asgi
from under_test.planted import burner
from under_test.raised import listen

application = asgi(held.asgi(load()), burner())
listen()
