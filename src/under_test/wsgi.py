"""The module that WSGI servers are given."""

from under_test import held
from under_test.application import load
from under_test.around import wsgi
from under_test.planted import burner
from under_test.raised import listen

application = wsgi(held.wsgi(load()), burner())
listen()
