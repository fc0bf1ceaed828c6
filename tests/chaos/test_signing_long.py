"""Signatures, long: 20,000 changed requests of each form, how long refusals take, who guesses what."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from hmac import compare_digest
from random import Random

import pytest

from tests.attack.test_signing import FORMS, count_accepted
from tests.signing import Vault, shared, vault

__all__ = ["shared", "vault"]

TRIES = 3  # the machine may be busy with something else


@pytest.mark.parametrize("form", FORMS)
async def test_SIG_1_twenty_thousand_changed_requests_are_refused(vault: Vault, form: str) -> None:
    sent, skipped = 0, 0
    for seed in range(20_000 // 2_000):
        more, same = await count_accepted(vault, form, seed, 2_400)
        sent, skipped = sent + more, skipped + same
        await vault.settle()
    print(f"{form}: {sent} refused, {skipped} that the form takes as the same request")
    assert sent >= 20_000


def time_comparison(compare: Callable[[bytes, bytes], bool], count: int, seed: int) -> float:
    """Welch's t of a mismatch in the first byte against one in the last, over rounds of 10,000 calls in random order.

    The machine is faster in one second than in the next, so each round gives one trimmed mean of both kinds.
    """
    random, expected = Random(seed), Random(0).randbytes(32)
    wrong = {0: bytes([expected[0] ^ 1]) + expected[1:], 31: expected[:-1] + bytes([expected[-1] ^ 1])}
    apart = []
    gc.disable()
    for _ in range(count // 10_000):
        # Copies of both, made long before they are compared, in another order and other places each round: how they
        # lie across the lines of the cache must not belong to one kind.
        order = [0, 31] * 5_000
        random.shuffle(order)
        pool = [(at, bytes(bytearray(wrong[at]))) for at in order]
        random.shuffle(pool)
        times: dict[int, list[int]] = {0: [], 31: []}
        for at, sent in pool:
            began = time.perf_counter_ns()
            compare(expected, sent)
            ended = time.perf_counter_ns()  # in a line of its own: finding the list takes time as well
            times[at].append(ended - began)
        first, last = (statistics.fmean(sorted(found)[:4_500]) for found in times.values())
        apart.append(last - first)
    gc.enable()
    return abs(statistics.fmean(apart)) / (statistics.stdev(apart) / len(apart) ** 0.5)


def compare_until_different(one: bytes, two: bytes) -> bool:
    """What must not be used: it ends where the texts differ."""
    return all(left == right for left, right in zip(one, two, strict=True))


def test_SIG_4_the_comparison_takes_the_same_time_wherever_it_fails() -> None:
    assert time_comparison(compare_until_different, 300_000, 0) > 4.5, "the measurement sees a comparison that tells"
    found = []
    for seed in range(TRIES):
        found.append(time_comparison(compare_digest, 1_000_000, seed))
        if found[-1] < 4.5:
            break
    print(f"t of a million comparisons: {[round(value, 2) for value in found]}")
    assert min(found) < 4.5


@pytest.mark.parametrize("form", FORMS)
async def test_SIG_4_refusals_take_the_same_time(vault: Vault, form: str) -> None:
    """An unknown key, a disabled key and a bad signature: medians of 5,000 each, interleaved."""
    prefix = "/v1" if form == "v1" else "/v2"
    from generic.models.device import Device
    from generic.models.secret import SharedSecret

    disabled_device, disabled_key, key = await vault.add_v2_device(status="active")
    await vault.app.db[Device].update_one({"id": disabled_device}, {"$set": {"keys.0.disabled": True}})
    await vault.app.db[SharedSecret].insert(SharedSecret(id="e" * 32, secret="f" * 32, groups=["vault"], enabled=False))
    make = getattr(vault, form)
    if form == "v1":
        requests = {
            "unknown": make("GET", f"{prefix}/items", secret_id="d" * 32),
            "disabled": make("GET", f"{prefix}/items", secret_id="e" * 32, secret="f" * 32),
            "bad": make("GET", f"{prefix}/items", secret="0" * 32),
        }
    else:
        requests = {
            "unknown": make("GET", f"{prefix}/items", key_id="d" * 32),
            "disabled": make("GET", f"{prefix}/items", device=disabled_device, key_id=disabled_key, key=key),
            "bad": make("GET", f"{prefix}/items", key="00" * 32),
        }
    for _ in range(TRIES):
        times: dict[str, list[int]] = {name: [] for name in requests}
        for _ in range(5_000):
            for name, request in requests.items():
                began = time.perf_counter_ns()
                reply = await vault.send(request)
                times[name].append(time.perf_counter_ns() - began)
                assert reply.status == 401
        medians = {name: statistics.median(found) for name, found in times.items()}
        apart = max(medians.values()) / min(medians.values()) - 1
        print(f"{form}: { ({name: round(value / 1000, 1) for name, value in medians.items()}) } us, {apart:.1%} apart")
        if apart <= 0.05:
            return
    pytest.fail("refusals tell by their time what is wrong")
