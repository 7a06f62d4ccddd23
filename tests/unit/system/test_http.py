"""Small untimed requests: what cannot be sent is told as what was not answered is."""

import http.client

import pytest

from stackmatrix.system.http import ask


@pytest.mark.parametrize("value", ["a\nb", "\u20ac"])
def test_a_header_that_cannot_be_sent_is_an_error_of_http(value: str) -> None:
    with pytest.raises(http.client.HTTPException, match="it cannot be sent: "):
        ask(1, "GET", "/", {"Cookie": value})
