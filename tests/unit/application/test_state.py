"""Names of the databases of places."""

from stackmatrix.application.postgres import LONGEST_NAME_BYTES
from stackmatrix.application.state import database_name


def test_databases_of_places_have_names_of_their_own_however_long() -> None:
    long = "gunicorn_100_threads_with_a_name_that_is_longer_than_all_others_3_13"
    names = [database_name(place, one) for place in ("base", "Uvicorn-3.13", long, f"{long}_twin") for one in "ab"]
    assert len(set(names)) == len(names)
    assert all(len(name) <= LONGEST_NAME_BYTES for name in names)
    assert names[:3] == ["base_a", "base_b", "uvicorn_3_13_a"]
