"""Virtual hosts and listeners: which host ids a request may mean, and which requests belong to https.

In: `hosts` and `listen` of the settings; per request the checked name of the Host header. Out: host ids, most
specific first, for `matcher.py`; or 421, or a redirect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.errors import HTTPError, Misdirected
from core.serve.request import Request
from core.serve.response import quote_target
from core.settings import Host, Http, Https, ServerSettings


class Hosts:
    """Host names and patterns: `*.example.com` stands for every name below `example.com`, `*` for all."""

    def __init__(self, hosts: Sequence[Host] = ()) -> None:
        self._names: dict[str, dict[str, Sequence[str]]] = {}
        for host in hosts:
            for name in host.names:
                self._names.setdefault(name.lower().removesuffix("."), {})[host.id] = host.listeners

    def resolve(self, key: str) -> tuple[str, ...]:
        """Ids of the hosts that answer to a name, the most specific first; none where no hosts are configured.

        Where `Listeners` is asked, the key is `name@listener`.

        Raises:
            Misdirected: hosts are configured and none of them is meant.
        """
        name, _, listener = key.partition("@")
        ids = dict.fromkeys(
            host_id
            for pattern in (*_patterns(name), "*")
            for host_id, listeners in self._names.get(pattern, {}).items()
            if not listeners or listener in listeners
        )
        if self._names and not ids:
            raise Misdirected
        return tuple(ids)

    def has_named(self, name: str) -> bool:
        """Whether a host other than `*` has this name."""
        return any(pattern in self._names for pattern in _patterns(name))


def _patterns(name: str) -> Iterator[str]:
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield f"*.{name}"


class _Moved(HTTPError):
    status, default_code = 301, "MovedPermanently"


class _MovedWithBody(_Moved):
    status = 308  # the method stays


class Listeners:
    """Tells listeners apart by their port; needed where one redirects, or a host does not answer on all of them."""

    def __init__(self, settings: ServerSettings, hosts: Hosts) -> None:
        self._by_port = {listener.port: listener for listener in settings.listen}
        secure = [listener.port for listener in settings.listen if isinstance(listener, Https)]
        self._secure_port = secure[0] if secure else 443
        self._hosts = hosts
        bound = any(host.listeners for host in settings.hosts)
        self.needed = bound or any(isinstance(item, Http) and item.redirect for item in settings.listen)

    def enter(self, request: Request, name: str, port: int) -> str:
        """The key for `Hosts.resolve`. An unknown port, as tests have it, is told by its scheme.

        Raises:
            HTTPError: 301 or 308 to https; 421 where no allowed name is known.
        """
        listener = self._by_port.get(port)
        if isinstance(listener, Http) and listener.redirect and not request.path.startswith("/health/"):
            raise self._redirect(listener, request, name)
        return f"{name}@{listener.name if listener else request.scheme}"

    def _redirect(self, listener: Http, request: Request, name: str) -> HTTPError:
        known = name if self._hosts.has_named(name) else ""
        host = listener.redirect_host or known or listener.redirect_fallback_host
        if not host:
            return Misdirected()
        port = listener.redirect_port or self._secure_port
        place = host if port == 443 else f"{host}:{port}"
        target = request.raw_path + (b"?" + request.query_string if request.query_string else b"")
        location = f"https://{place}{quote_target(target.decode('latin-1'))}"
        kind = _Moved if request.method in {"GET", "HEAD"} else _MovedWithBody
        return kind(msg="Use https.", headers={"Location": location})
