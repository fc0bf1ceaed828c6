"""Headers on their way through: what is withheld, what is set, and where a redirect leads to.

In: headers of a request or of an upstream's answer. Out: those that go on. Pure; used by the passthrough controller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urljoin

from core import Context

_HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "trailers", "transfer-encoding", "upgrade", "http2-settings", "host", "expect",
})  # fmt: skip
#: may be secrets of the client that are none of the upstream's business, unless it is said that they are
_SECRET: Final = frozenset({
    "authorization", "cookie", "key", "session", "accesskey", "access-key", "api-key", "x-api-key", "signature",
    "signature-input",
})  # fmt: skip
#: tell who the client is: from outside they are never true
_IDENTITY: Final = (
    "x-auth-", "x-authenticated-", "x-forwarded-", "x-user", "x-remote-", "x-original-", "x-rewrite-", "remote-",
    "x-envoy-", "x-amzn-oidc-", "x-ms-client-principal", "x-goog-",
)  # fmt: skip
_IDENTITY_NAMES: Final = frozenset({
    "forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "cf-connecting-ip",
    "x-request-id", "traceparent", "tracestate", "via",
})  # fmt: skip
_NOT_RETURNED: Final = frozenset({
    *_HOP, "set-cookie", "server", "x-powered-by", "date", "x-request-id", "alt-svc", "strict-transport-security",
})  # fmt: skip
_NO_IDENTITY: Final[Mapping[str, str]] = {}


@dataclass(frozen=True)
class Identity:
    """Who calls, for the upstream: headers that an earlier step vouches for (`provides=Identity`).

    They replace whatever the client sent under these names: `Identity({"X-Auth-User": user.login})`.
    """

    headers: Mapping[str, str] = field(default_factory=dict)


def request_headers(ctx: Context, wanted: Collection[str], identity: Identity | None) -> dict[str, str]:
    """The headers of the request that the upstream gets; `wanted` are withheld ones that go on all the same."""
    received = ctx.request.headers
    listed = _listed(received.get("connection", ""))
    sent = {name: value for name, value in received.items() if _goes_on(name, wanted) and name not in listed}
    sent |= {
        "x-forwarded-for": ctx.request.client_ip,
        "x-forwarded-proto": ctx.request.scheme,
        "x-forwarded-host": ctx.request.host,
    }
    return sent | {name.lower(): value for name, value in (identity.headers if identity else _NO_IDENTITY).items()}


def _goes_on(name: str, wanted: Collection[str]) -> bool:
    # Some upstreams read `X_Auth_User` as `X-Auth-User`.
    plain = name.replace("_", "-")
    if plain in _HOP or plain in _IDENTITY_NAMES or plain.startswith(_IDENTITY):
        return False
    return plain not in _SECRET or name in wanted


def answer_headers(raw: Iterable[tuple[bytes, bytes]], wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    """The headers of an answer that the client gets, in their order."""
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    listed = {item for name, value in headers if name == "connection" for item in _listed(value)}
    for name, value in headers:
        # Which pages may read an answer of this route is for its `cors` to say.
        is_withheld = name in _NOT_RETURNED or name.startswith("access-control-")
        if name not in listed and (not is_withheld or (name in wanted and name not in _HOP)):
            yield name, value


def _listed(connection: str) -> set[str]:
    return {name.strip().lower() for name in connection.split(",")}


def returned_location(location: str, asked: str, ctx: Context) -> str:
    """Where a redirect of the upstream leads for the client, when it stays below what `*` of this route stands for.

    `asked` is the URL that the upstream redirects from.
    """
    rest, path = ctx.request.path_values.get("rest"), asked.partition("?")[0]
    if rest is None or not path.endswith(quote(rest)):
        return location
    folder, target = path.removesuffix(quote(rest)), urljoin(asked, location)
    if not target.startswith(folder):
        return location
    # Below the root, one more slash would lead to another host.
    below = target.removeprefix(folder).lstrip("/\\")
    return f"{quote(ctx.request.path.removesuffix(rest).rstrip('/'))}/{below}"
