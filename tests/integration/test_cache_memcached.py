"""The cache over a real memcached: hostile keys, foreign values, and a server that hangs, dies and comes back."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from itertools import count

import pytest

from core.data import memcached as module
from core.data.cache import RecordCache
from core.data.memcached import CALL_S, Memcached
from core.settings import Cache
from tests.memcached import MemcachedProcess


@pytest.fixture
async def cache(memcached: MemcachedProcess) -> AsyncIterator[RecordCache]:
    cache = RecordCache(Cache(servers=[memcached.name]))
    yield cache
    await cache.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked is answered, however busy the machine is."""
    monkeypatch.setattr(module, "CALL_S", 10)


async def number(cache: RecordCache, key: str, value: int) -> int:
    async def produce() -> int:
        return value

    return (await cache.cached(key, lifetime_s=60, producer=produce)).value


async def until(condition, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def hostile_keys(amount: int) -> list[str]:
    random_ = random.Random(7)
    pieces = [
        "\r\n",
        " ",
        "\0",
        "get x\r\n",
        "set a 0 0 1\r\nx\r\n",
        "delete ",
        "é",
        "\u2028",
        "😀",
        "\ud800",
        "a",
        "'",
        "\\",
        ":h:",
        "!",
    ]
    return [f"{at}" + "".join(random_.choices(pieces, k=random_.choice([1, 5, 60]))) for at in range(amount)]


async def test_CACHE_1_ten_thousand_hostile_keys_keep_their_values(
    cache: RecordCache, memcached: MemcachedProcess, patient: None, uncounted: None
) -> None:
    keys = hostile_keys(10_000)
    for start in range(0, len(keys), 4):
        await asyncio.gather(*(number(cache, keys[at], at) for at in range(start, start + 4)))
    found = [(await cache.cached(key, lifetime_s=60)).value for key in keys]
    assert found == list(range(len(keys)))
    assert b"STAT curr_items 10000" in memcached.ask(b"stats", b"END\r\n")


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"garbage",
        b"[1,2",
        b"[1,2,3,4]",
        b"{}",
        b"null",
        b'["a",60,1]',
        b"\x80\x04K\x01.",
        b'[1,"x",1]',
        b"[" * 3000,
    ],
    ids=["empty", "text", "truncated", "longer", "object", "null", "no time", "pickle", "no life", "nested"],
)
async def test_CACHE_3_what_is_no_record_is_a_miss(
    cache: RecordCache, memcached: MemcachedProcess, stored: bytes, patient: None
) -> None:
    memcached.ask(b"set catena:p:k 0 60 %d\r\n%b" % (len(stored), stored))
    assert await number(cache, "k", 5) == 5
    assert await number(cache, "k", 6) == 5  # and a record is there now


async def test_CACHE_3_a_value_with_flags_of_another_library_is_a_miss(
    cache: RecordCache, memcached: MemcachedProcess, patient: None
) -> None:
    memcached.ask(b"set catena:p:k 1 60 1\r\n1")
    assert await number(cache, "k", 5) == 5


async def test_two_processes_share_records_and_one_of_them_renews(memcached: MemcachedProcess, patient: None) -> None:
    now, numbers = [1000.0], count(1)
    caches = [RecordCache(Cache(servers=[memcached.name]), lambda: now[0]) for _ in range(2)]

    async def produce() -> int:
        await asyncio.sleep(0.05)
        return next(numbers)

    async def get(at: int) -> int:
        return (await caches[at].cached("shared", lifetime_s=60, renew_s=50, producer=produce)).value

    assert await get(0) == await get(1) == 1
    now[0] += 20
    assert await asyncio.gather(get(0), get(1), get(0), get(1)) == [1, 1, 1, 1]

    async def renewed() -> bool:
        return await get(0) == 2

    await until(renewed)
    assert await get(1) == 2
    for cache in caches:
        await cache.close()


async def test_a_value_over_the_limit_of_the_server_is_made_every_time(cache: RecordCache, patient: None) -> None:
    sizes = count(2_000_000)

    async def produce() -> str:
        return "x" * next(sizes)

    found = [await cache.cached("big", lifetime_s=60, producer=produce) for _ in range(2)]
    assert [len(item.value) for item in found] == [2_000_000, 2_000_001]
    assert await number(cache, "small", 1) == await number(cache, "small", 2) == 1


async def test_CACHE_4_a_killed_memcached_is_a_miss_and_comes_back(
    cache: RecordCache, memcached: MemcachedProcess
) -> None:
    assert await number(cache, "k", 1) == 1
    memcached.kill()
    assert [await number(cache, "k", value) for value in range(2, 50)] == list(range(2, 50))
    memcached.start()

    async def is_back() -> bool:
        await number(cache, "k", 50)
        return (await cache.cached("k", lifetime_s=60)).cached

    began = time.monotonic()
    await until(is_back)
    assert time.monotonic() - began < 5


async def test_CACHE_4_a_hanging_memcached_costs_little(cache: RecordCache, memcached: MemcachedProcess) -> None:
    assert await number(cache, "k", 1) == 1
    memcached.hang()
    began, waits = time.monotonic(), []
    while time.monotonic() - began < 1:
        before = time.monotonic()
        assert await number(cache, "k", 2) in {1, 2}
        waits.append(time.monotonic() - before)
        await asyncio.sleep(0.001)
    assert sorted(waits)[int(len(waits) * 0.99)] < 0.02
    assert max(waits) < 4 * CALL_S + 0.2
    memcached.go_on()

    async def is_back() -> bool:
        return (await cache.cached("k", lifetime_s=60)).cached

    await until(is_back, 5)


async def test_CACHE_4_killed_in_mid_run_nobody_waits_or_fails(cache: RecordCache, memcached: MemcachedProcess) -> None:
    async def client(own: int) -> int:
        for at in range(200):
            assert await number(cache, f"k{own}-{at}", at) == at
            await asyncio.sleep(0)
        return 200

    running = [asyncio.create_task(client(own)) for own in range(20)]
    await asyncio.sleep(0.05)
    memcached.kill()
    assert sum(await asyncio.wait_for(asyncio.gather(*running), 20)) == 4000


async def test_CACHE_4_a_server_that_closes_in_mid_answer_does_not_stop_the_loop() -> None:
    async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(close_at_once, "127.0.0.1", 0)
    client = Memcached([f"127.0.0.1:{server.sockets[0].getsockname()[1]}"])
    async with asyncio.timeout(5):
        await client.set(b"k", b"v", 10)
        assert await client.get(b"k") is None
    await client.close()
    server.close()


async def test_CACHE_5_an_answer_that_nobody_waited_for_reaches_nobody_else(monkeypatch) -> None:
    """The answer to a call that ran out of time is not read by the next one."""
    monkeypatch.setattr(module, "_CONNECTIONS", 1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            key = line.split()[1]
            if key == b"slow":
                await asyncio.sleep(CALL_S * 2)  # longer than anybody waits
            writer.write(b"VALUE %b 0 %d\r\n%b\r\nEND\r\n" % (key, len(key), key))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = Memcached([f"127.0.0.1:{server.sockets[0].getsockname()[1]}"])
    assert await client.get(b"slow") is None
    assert [await client.get(key) for key in (b"a", b"b")] == [b"a", b"b"]
    caller = asyncio.create_task(client.get(b"slow"))
    await asyncio.sleep(0.01)
    caller.cancel()
    await asyncio.wait({caller})
    assert [await client.get(key) for key in (b"c", b"d")] == [b"c", b"d"]
    await asyncio.sleep(CALL_S * 2)  # for the server to see that its callers are gone
    await client.close()
    server.close()


async def test_several_servers_share_the_keys_and_one_that_dies_loses_only_its_own(patient: None) -> None:
    servers = [MemcachedProcess() for _ in range(3)]
    for server in servers:
        server.start()
    client = Memcached([server.name for server in servers])
    try:
        keys = [b"k%d" % at for at in range(300)]
        for key in keys:
            await client.set(key, key, 60)
        items = [int(server.ask(b"stats", b"END\r\n").split(b"curr_items ")[1].split()[0]) for server in servers]
        assert sum(items) == 300
        assert min(items) > 50
        servers[0].kill()
        found = [await client.get(key) for key in keys]
        assert len([value for value in found if value]) == 300 - items[0]
        assert list(client.open_circuits().values()) == [True, False, False]
    finally:
        await client.close()
        for server in servers:
            server.kill()


async def test_CACHE_2_many_that_ask_at_once_share_four_connections(memcached: MemcachedProcess, patient: None) -> None:
    client = Memcached([memcached.name])
    await asyncio.gather(*(client.get(b"k%d" % at) for at in range(300)))
    stats = memcached.ask(b"stats", b"END\r\n").decode()
    opened = int(stats.split("total_connections ")[1].split()[0])
    assert opened <= 4 + 3  # ours, that of this question, and those of the fixture
    await client.close()


async def test_numbers_are_added_up_and_marks_set_once(memcached: MemcachedProcess, patient: None) -> None:
    client = Memcached([memcached.name])
    assert [await client.add(b"n", b"5", 60), await client.add(b"n", b"7", 60)] == [True, False]
    assert await client.count(b"c", 4, 3, [3, 5], 60) == {3: 0, 4: 3, 5: 0}
    assert await client.count(b"c", 5, 1, [4], 60) == {4: 3, 5: 1}
    assert await client.count(b"c", 4, -2, [5], 60) == {4: 1, 5: 1}
    await client.set(b"long", b"v", 40 * 24 * 3600)  # memcached takes longer times for points in time
    assert await client.get(b"long") == b"v"
    await client.delete(b"n")
    assert await client.get(b"n") is None
    await client.close()
