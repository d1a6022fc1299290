"""Pictures are unpacked together only as far as the memory allows."""

import threading

from core.photos.pixel_budget import PixelBudget


def test_pictures_wait_until_there_is_room_and_a_huge_one_is_unpacked_alone():
    budget = PixelBudget(10)
    now = most = alone = 0
    lock = threading.Lock()

    def unpack(megapixels):
        nonlocal now, most, alone
        with budget.hold(megapixels * 1_000_000):
            with lock:
                now += megapixels
                most = max(most, now if megapixels < 99 else 0)
                alone += megapixels == 99 and now == 99
            with lock:
                now -= megapixels

    threads = [threading.Thread(target=unpack, args=(size,)) for size in (4, 4, 99, 4, 3, 6, 10, 1) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert not any(thread.is_alive() for thread in threads)
    assert (now, alone) == (0, 5)
    assert most <= 10


def test_a_small_picture_does_not_overtake_a_large_one_that_waits():
    budget = PixelBudget(10)
    order = []
    waits = threading.Event()

    def unpack(megapixels):
        with budget.hold(megapixels * 1_000_000):
            order.append(megapixels)

    with budget.hold(5_000_000):
        large = threading.Thread(target=unpack, args=(8,))
        large.start()
        while not budget._waiting:
            waits.wait(0.001)
        small = threading.Thread(target=unpack, args=(1,))
        small.start()
        while len(budget._waiting) < 2:
            waits.wait(0.001)
    large.join(timeout=30)
    small.join(timeout=30)

    assert order == [8, 1]
