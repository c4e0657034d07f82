"""The lines in which requests wait."""

from __future__ import annotations

import asyncio

import pytest

from accounts.waiting import Crowded, Lines


@pytest.fixture(autouse=True)
def patience(settings):
    settings.POOL_QUEUE_SECONDS = 30.0
    settings.POOL_QUEUE_MOST = 100


async def until_all_wait() -> None:
    """Lets every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Room:
    """What is waited for; who had it, in order."""

    def __init__(self, lines: Lines) -> None:
        self.free = 0
        self.had: list[str] = []
        self._lines = lines

    async def take(self, name: str, wanted: str = "any") -> bool:
        with self._lines.place(wanted) as place:
            while await place.turn():
                if self.free:
                    self.free -= 1
                    self.had.append(name)
                    return True
        return False

    def give_back(self) -> None:
        self.free += 1
        self._lines.look_again()


async def test_who_came_first_is_served_first():
    lines = Lines()
    room = Room(lines)
    waiting = []
    for name in "abcd":
        waiting.append(asyncio.create_task(room.take(name)))
        await until_all_wait()
    for _ in "abcd":
        room.give_back()
    assert await asyncio.gather(*waiting) == [True] * 4
    assert room.had == ["a", "b", "c", "d"]
    assert not lines.has("any")


async def test_what_is_given_back_here_is_seen_without_waiting():
    lines = Lines()
    room = Room(lines)
    waiting = asyncio.create_task(room.take("a"))
    await until_all_wait()
    room.give_back()
    await until_all_wait()
    assert waiting.done()


async def test_what_is_given_back_elsewhere_is_seen_too():
    room = Room(Lines())
    waiting = asyncio.create_task(room.take("a"))
    await until_all_wait()
    room.free += 1
    assert await waiting


async def test_whoever_hangs_up_leaves_the_line():
    lines = Lines()
    room = Room(lines)
    waiting = []
    for name in "abc":
        waiting.append(asyncio.create_task(room.take(name)))
        await until_all_wait()
    for gone in waiting[:2]:
        gone.cancel()
    room.give_back()
    assert await waiting[2]
    assert room.had == ["c"]
    assert not lines.has("any")


async def test_those_who_want_something_else_do_not_stand_in_the_way():
    lines = Lines()
    one, other = Room(lines), Room(lines)
    first = asyncio.create_task(one.take("a", "one"))
    await until_all_wait()
    second = asyncio.create_task(other.take("b", "other"))
    await until_all_wait()
    other.give_back()
    assert await second
    assert lines.has("one")
    one.give_back()
    assert await first


async def test_nobody_waits_for_longer_than_the_setting(settings):
    settings.POOL_QUEUE_SECONDS = 0.05
    lines = Lines()
    room = Room(lines)
    served = await asyncio.gather(*(room.take(name) for name in "abc"))
    assert served == [False] * 3
    assert not lines.has("any")


async def test_without_patience_nobody_waits(settings):
    settings.POOL_QUEUE_SECONDS = 0.0
    room = Room(Lines())
    room.free = 1
    assert not await room.take("a")


async def test_no_more_wait_than_the_setting(settings):
    settings.POOL_QUEUE_MOST = 2
    lines = Lines()
    room = Room(lines)
    waiting = [
        asyncio.create_task(room.take("a", "one")),
        asyncio.create_task(room.take("b", "other")),
    ]
    await until_all_wait()
    with pytest.raises(Crowded):
        await room.take("c")
    assert not lines.has("any")
    for _ in waiting:
        room.give_back()
    assert all(await asyncio.gather(*waiting))
    room.give_back()
    assert await room.take("c")
