"""What a target runs around the application under test: it says what serves it, and burns what a control is to cost.

The module that a server is given, :mod:`under_test.wsgi` or :mod:`under_test.asgi`, takes the application that the
variable ``STACKMATRIX_APPLICATION`` names. So any application can be asked what serves it, without a page of its own.
"""
