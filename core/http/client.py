"""Calls to one upstream: guarded, in time, repeated once where that is safe, given up when it fails.

Out: a `Reply`, or a `StreamReply` that is read while it arrives. Failures are `BadGateway` (no usable answer),
`GatewayTimeout` and `Unavailable` (not asked); their cause goes to the log. No upstream shares another's connections.
"""

from __future__ import annotations

import asyncio
import io
import logging
import math
import random
from collections.abc import AsyncIterable, Mapping
from contextlib import nullcontext
from functools import cached_property, partial, partialmethod
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from core.data.cache import RecordCache
from core.data.deadline import Trace, leaving, remaining_s, trace_headers, while_awaited
from core.declare.upstream import Upstream
from core.errors import BadGateway, BadRequest, CatenaError, GatewayTimeout, HTTPError, Unavailable
from core.http.breaker import Circuit
from core.http.egress import Guard, Reply, Unusable, build_url, merge_headers, read_headers
from core.serve.encoding import encode_json

_ANSWER_S, _CONNECT_S, _PLACE_S = 0.1, 2.0, 0.5  # the first is kept back of the time of a request, to answer it
_IDEMPOTENT: Final = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
_FAILURES, _ACTION = (aiohttp.ClientError, OSError, ValueError), {"action": "upstream"}
_log = logging.getLogger("catena.http")


class _Call(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any
    timeout_s: float

    def redirect(self, status: int, location: str) -> _Call:
        """The call that a redirect asks for; to another place go neither headers nor a body: they may be secrets."""
        try:
            url = build_url("", urljoin(self.url, location), None, None)
        except (BadRequest, ValueError):
            raise Unusable("a redirect to no URL") from None
        here, there = urlsplit(self.url)[:2], urlsplit(url)[:2]
        as_get = status == 303 or (status in {301, 302} and self.method == "POST")
        call = self._replace(method="GET", body=None) if as_get else self
        if there[0] not in {here[0], "https"} or (call.body and here != there):
            raise Unusable("a redirect that cannot be followed")
        return call._replace(url=url, headers=self.headers if here == there else {})


class Client:
    """One upstream: `await ctx.http["weather"].get("/cities/:id", path={"id": 7}, query={"days": 3})`."""

    def __init__(self, upstream: Upstream, cache: RecordCache, trace: Trace | None = None) -> None:
        self.upstream, self._cache, self._guard = upstream, cache, Guard(upstream)
        rule = upstream.base_url and upstream.breaker
        self.circuit = Circuit(rule.failures, rule.open_s) if rule else Circuit(0, 0)
        self._trace: Trace = trace or (lambda *_: nullcontext({}))
        self._places, self._saved_retries = asyncio.Semaphore(upstream.concurrency), 1.0

    async def request(
        self,
        method: str,
        url: str = "",
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = ...,
        content: bytes | None = None,
        timeout_s: float | None = None,
        cache_s: float = 0,
        stale_s: float = 0,
    ) -> Reply:
        """The whole answer, of any status below 500; `get post put patch delete` are the same without `method`.

        `url` is a path below the base URL, with `:name` for a value of `path`. A list in `query` is sent as several
        values, `None` is not sent. The reply to a GET is kept for `cache_s`, and `stale_s` longer while the upstream
        fails; those to different headers or bodies are kept apart.

        Raises:
            HTTPError: as above; `BadRequest` for a value that would lead elsewhere.
        """
        sent = merge_headers(self._guard.headers, headers or {})
        if json is not ...:
            content, sent = encode_json(json), {"content-type": "application/json", **sent}
        target = build_url(self.upstream.base_url, url, path, query)
        call = _Call(method, target, sent, content, timeout_s or self.upstream.timeout_s)
        if not cache_s or method != "GET":
            return await self._send(call)

        async def produce() -> list[Any]:
            reply = await self._send(call)
            kept = {name: text for name, text in reply.headers.items() if name != "set-cookie"}
            return [reply.status, kept, reply.body.decode("latin-1")]

        asked = target, (content or b"").decode("latin-1"), *map(":".join, sorted(sent.items()))
        lives = partial(self._cache.cached, lifetime_s=cache_s, renew_s=cache_s / 5, grace_s=stale_s)
        status, received, text = (await lives(("http", self.upstream.identity, *asked), producer=produce)).value
        return Reply(status, received, text.encode("latin-1"))

    get, post, put = partialmethod(request, "GET"), partialmethod(request, "POST"), partialmethod(request, "PUT")
    patch, delete = partialmethod(request, "PATCH"), partialmethod(request, "DELETE")

    async def stream(
        self,
        method: str,
        url: str = "",
        *,
        path: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: AsyncIterable[bytes] | None = None,
        body_s: float = 300,
    ) -> StreamReply:
        """An answer of any status whose body is read while it arrives, compressed as it was sent.

        Its headers have to arrive within the time of the request, else within `body_s`; `timeout_s` of the upstream
        bounds every silence, `body_s` the whole body. Never repeated or redirected. Read it to its end or close it.
        """
        sent, rest_s = merge_headers(self._guard.headers, headers or {}), remaining_s() - _ANSWER_S
        target = build_url(self.upstream.base_url, url, path, None)
        call = _Call(method, target, sent, content, self.upstream.timeout_s)
        try:
            async with asyncio.timeout(body_s if rest_s == math.inf else rest_s), while_awaited(leaving()):
                response = await self._start(call, whole=False)
        except _FAILURES as error:
            if isinstance(error.__cause__, CatenaError):
                raise error.__cause__ from None  # what was to be sent broke off, not the upstream
            # Who uploads slowly can use up all the time; the upstream's own silence is an error of aiohttp's.
            raise self._fail(call, error, counts=content is None or isinstance(error, aiohttp.ClientError)) from None
        self._record(ok=response.status < 500)
        return StreamReply(response, body_s, partial(self._fail, call), self._places.release)

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in self.__dict__:
            await self._session.close()

    async def _send(self, call: _Call) -> Reply:
        """One attempt, and another one where that is safe. Those are at most a tenth of the calls, ten at once."""
        self._saved_retries = min(self._saved_retries + 0.1, 10.0)
        limit_s = min(call.timeout_s, remaining_s() - _ANSWER_S)
        repeats = self.upstream.retries if call.method in _IDEMPOTENT or "idempotency-key" in call.headers else 0
        try:
            async with asyncio.timeout(limit_s), while_awaited(leaving()):
                while True:
                    try:
                        return await self._attempt(call)
                    except _FAILURES as error:
                        failure, again = self._fail(call, error), getattr(error, "again", True)
                    if not again or not repeats or self.circuit.is_open or self._saved_retries < 1:
                        raise failure
                    repeats, self._saved_retries = repeats - 1, self._saved_retries - 1
                    await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311  it only spreads the load
        except TimeoutError as error:  # whoever leaves it no time says nothing about the upstream
            raise self._fail(call, error, counts=limit_s >= min(call.timeout_s, 1)) from None

    async def _attempt(self, call: _Call) -> Reply:
        for _ in range(self.upstream.redirects + 1):
            response, body = await self._start(call, whole=True), bytearray()
            try:
                async with response:
                    async for chunk in response.content.iter_any():
                        body += chunk
                        if len(body) > self.upstream.response_bytes:
                            raise Unusable(f"a body over {self.upstream.response_bytes} bytes")
            finally:
                self._places.release()
            if response.status >= 500:
                raise Unusable(f"status {response.status}", again=response.status in {502, 503, 504}, counts=True)
            self._record(ok=True)
            location = response.headers.get("location")
            if not self.upstream.redirects or response.status not in {301, 302, 303, 307, 308} or location is None:
                return Reply(response.status, read_headers(response.headers), bytes(body))
            call = call.redirect(response.status, location)
        raise Unusable("too many redirects")

    async def _start(self, call: _Call, *, whole: bool) -> aiohttp.ClientResponse:
        """An answer whose headers have arrived; it occupies a place that the receiver releases."""
        if wait_s := self.circuit.wait_s():
            raise Unavailable(retry_after_s=math.ceil(wait_s))
        try:
            async with asyncio.timeout(_PLACE_S if self._places.locked() else None):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable from None
        limits = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=call.timeout_s)
        try:
            request = partial(self._session.request, call.method, URL(call.url, encoded=True), allow_redirects=False)
            body = io.BytesIO(call.body) if isinstance(call.body, bytes) else call.body  # is sent in pieces
            with self._trace(self.upstream.identity, call.method) as more:
                headers = {**trace_headers(), **more, **call.headers}
                response = await request(data=body, headers=headers, auto_decompress=whole, timeout=limits)
            headers_bytes = sum(len(name) + len(value) for name, value in response.raw_headers)
            if headers_bytes > 32 * 1024 or response.status < 200:  # 101: a proxy in front would let anything pass
                response.close()
                raise Unusable("headers over 32 KiB, or another protocol")  # noqa: TRY301  as other unusable answers
        except BaseException:
            self._places.release()
            raise
        return response

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=self._guard.open_socket),
            cookie_jar=aiohttp.DummyCookieJar(),  # or cookies of one user would be sent for the next
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        session._retry_connection = False  # noqa: SLF001  aiohttp's own retry knows no budget
        return session

    def _fail(self, call: _Call, error: Exception, *, counts: bool = True) -> HTTPError:
        """What a failure is answered with; what it was goes to breaker and log, without the query."""
        cause, place = getattr(error, "os_error", error), (call.method, call.url.partition("?")[0])
        told = repr(cause)
        if isinstance(cause, aiohttp.ClientResponseError | aiohttp.InvalidURL):  # hold the request, secrets and all
            told = f"{type(cause).__name__}({getattr(cause, 'message', '')!r})"
        _log.warning("upstream '%s': %s %s failed: %s", self.upstream.identity, *place, told, extra=_ACTION)
        if getattr(cause, "counts", counts) and not isinstance(cause, ValueError):  # that is a URL or a certificate
            self._record(ok=False)
        return GatewayTimeout() if isinstance(error, TimeoutError) else BadGateway()

    def _record(self, *, ok: bool) -> None:
        if self.circuit.record(ok):
            state = "is left alone for a while" if self.circuit.is_open else "answers again"
            _log.warning("upstream '%s' %s", self.upstream.identity, state, extra=_ACTION)


class StreamReply:
    """The answer of an upstream to a call of `url` while it arrives: `async for chunk in reply`. `headers` are raw."""

    def __init__(self, response: aiohttp.ClientResponse, body_s: float, fail: Any, release: Any) -> None:
        self.status, self.headers, self.url = response.status, response.raw_headers, str(response.url)
        self._response, self._fail, self._release = response, fail, release
        self._timer = asyncio.get_running_loop().call_later(body_s, response.close)

    def __aiter__(self) -> StreamReply:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.content.readany()
        except _FAILURES as error:
            is_theirs = not self._response.closed  # else the time for the body is up, which a slow reader can use up
            self.__del__()
            raise self._fail(error, counts=is_theirs) from None
        if not chunk:
            self.__del__()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Stop reading; the connection is kept where the body has ended."""
        self.__del__()

    def __del__(self) -> None:
        if self._release is not None:
            self._timer.cancel()
            self._response.close()
            self._release()
            self._release = None
