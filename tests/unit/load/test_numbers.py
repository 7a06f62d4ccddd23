"""Numbers of requests: each is handed out once, and all are of one length."""

from concurrent.futures import ThreadPoolExecutor

from stackmatrix.load.numbers import BY_HAND, FIRST, OF_A_GENERATOR, Numbers

COUNT, TAKERS, TIMES = 7, 8, 200


def test_no_number_is_handed_out_twice_to_several_threads() -> None:
    numbers = Numbers()
    with ThreadPoolExecutor(TAKERS) as pool:
        firsts = [*pool.map(lambda _: numbers.take(COUNT), range(TAKERS * TIMES))]
    taken = {first + offset for first in firsts for offset in range(COUNT)}
    assert taken == {*range(FIRST, FIRST + COUNT * TAKERS * TIMES)}


def test_numbers_are_of_one_length_and_those_of_the_web_page_come_after_those_of_a_long_run() -> None:
    assert len(str(FIRST)) == len(str(BY_HAND)) == len(str(9 * FIRST))
    assert BY_HAND >= FIRST + 1_000 * OF_A_GENERATOR
    assert BY_HAND < 2**31
