"""Listeners, certificates, virtual hosts and proxies, over real sockets."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509

from tests.certificates import write_certificate
from tests.edge import edge_root, edge_server, start_edge
from tests.rig.raw_http import RawAnswer, RawConnection, raw_connection
from tests.server import Server, free_port, run_command

CERTIFICATES = (
    "[Certificate('tls/first.pem', 'tls/first.key'), Certificate('tls/second.pem', 'tls/second.key', 'geheim')]"
)


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def server(ports: tuple[int, int]) -> Iterator[Server]:
    secure, redirecting = ports
    settings = (
        f"listen=[Http(), Https({CERTIFICATES}, port={secure}), Http(port={redirecting}, redirect=True, name='old')],"
        "hosts=[Host('api', ['first.example', '*.wild.example']), Host('inside', ['first.example'], listeners=['https']),"
        "       Host('local', ['localhost', '127.0.0.1'])],"
        "trusted_proxies=['127.0.0.1']"
    )
    with edge_root(settings, "api", "inside") as root:
        write_certificate(root / "tls", "first", "first.example", "localhost")
        write_certificate(root / "tls", "second", "second.example", "*.wild.example", password=b"geheim")
        with start_edge(root) as running:
            yield running


TRUSTFUL = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTFUL.check_hostname, TRUSTFUL.verify_mode = False, ssl.CERT_NONE


def certificate_for(port: int, name: str | None) -> str:
    """The common name of the certificate that a client gets for a name."""
    plain = socket.create_connection(("127.0.0.1", port), 10)
    with TRUSTFUL.wrap_socket(plain, server_hostname=name) as wrapped:
        found = x509.load_der_x509_certificate(wrapped.getpeercert(True) or b"")
        assert wrapped.version() in {"TLSv1.2", "TLSv1.3"}
    return str(found.subject.rfc4514_string())


NAMES = {
    "first.example": "CN=first",
    "second.example": "CN=second",
    "SECOND.example": "CN=second",
    "a.wild.example": "CN=second",
    "a.b.wild.example": "CN=first",
    "unknown.example": "CN=first",
    None: "CN=first",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=[str(name) for name in NAMES])
def test_certificate_is_chosen_by_the_name_asked_for(
    name: str | None, expected: str, server: Server, ports: tuple[int, int]
) -> None:
    assert certificate_for(ports[0], name) == expected


def ask(port: int, host: str, path: str = "/edge/tell", *, tls: bool = False, **headers: str) -> RawAnswer:
    with raw_connection(port) as connection:
        if tls:
            wrap(connection, host)
        connection.send("GET", path, Host=host, **headers)
        return connection.read()


def wrap(connection: RawConnection, name: str) -> None:
    connection.socket = TRUSTFUL.wrap_socket(connection.socket, server_hostname=name)
    connection.file = connection.socket.makefile("rb")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_LOAD_1_who_waits_for_a_held_up_server_is_answered(tls: bool, server: Server, ports: tuple[int, int]) -> None:
    """Forty at once, each on a new connection; every fifth one says nothing sensible."""
    port = ports[0] if tls else server.port

    def call(number: int) -> int:
        if number % 5:
            try:
                return ask(port, "first.example", tls=tls).status
            except (EOFError, ConnectionError, ssl.SSLError):  # it waited for so long that its request was not begun
                return 0
        with raw_connection(port) as connection:
            connection.send_bytes(b"\x00\x01 nonsense\r\n\r\n")
            return 1 if tls and connection.is_closed() else connection.read().status

    with raw_connection(server.port) as holding, ThreadPoolExecutor(40) as pool:
        holding.send("GET", "/edge/block", Host="first.example")
        statuses = Counter(pool.map(call, range(40)))
        assert holding.read().status == 200
    assert statuses[1 if tls else 405] == 8
    assert statuses[200] > 0
    assert statuses.keys() <= {0, 1, 200, 405, 503}


def test_both_listeners_serve_the_same_routes(server: Server, ports: tuple[int, int]) -> None:
    plain = ask(server.port, "first.example")
    secure = ask(ports[0], "first.example", tls=True)
    assert plain.json()["response"] == {"ip": "127.0.0.1", "scheme": "http", "host": "first.example"}
    assert secure.json()["response"] == {"ip": "127.0.0.1", "scheme": "https", "host": "first.example"}


def test_HTTP_13_tls_says_that_it_is_meant_to_stay(server: Server, ports: tuple[int, int]) -> None:
    for path in ("/edge/tell", "/nowhere", "/health/live", "/docs", "/%00"):
        assert ask(ports[0], "localhost", path, tls=True).headers["strict-transport-security"] == "max-age=31536000"
        assert "strict-transport-security" not in ask(server.port, "localhost", path).headers
    with raw_connection(ports[0]) as connection:
        wrap(connection, "localhost")
        connection.send_bytes(b"GET / HTTP/1.1\r\nBad Header: 1\r\n\r\n")  # refused by the parser
        assert connection.read().headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.filterwarnings("ignore:ssl.OP_NO_:DeprecationWarning")
def test_old_tls_is_refused(server: Server, ports: tuple[int, int]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    with socket.create_connection(("127.0.0.1", ports[0]), 10) as plain, pytest.raises(OSError):
        context.wrap_socket(plain, server_hostname="first.example")


HOSTS = {
    "plain": ("first.example", False, "/host", (200, "api")),
    "bound to https": ("first.example", True, "/host", (200, "api")),
    "below a wildcard": ("x.y.wild.example:81", False, "/host", (200, "api")),
    "routes without host": ("localhost", False, "/edge/tell", (200, None)),
    "routes of another host": ("localhost", False, "/host", (404, None)),
    "unknown": ("evil.example", False, "/edge/tell", (421, None)),
    "unknown, not found": ("evil.example", False, "/nowhere", (421, None)),
    "unknown, live": ("evil.example", False, "/health/live", (200, None)),
    "unknown, ready": ("evil.example", False, "/health/ready", (200, None)),
    "unknown, docs": ("evil.example", False, "/docs", (200, None)),
    "unknown, api-docs": ("evil.example", False, "/api-docs", (200, None)),
}


@pytest.mark.parametrize(("host", "tls", "path", "expected"), HOSTS.values(), ids=HOSTS)
def test_HTTP_3_hosts(
    host: str, tls: bool, path: str, expected: tuple[int, str | None], server: Server, ports: tuple[int, int]
) -> None:
    answer = ask(ports[0] if tls else server.port, host, path, tls=tls)
    assert answer.status == expected[0]
    if expected[1]:
        assert answer.json()["response"] == expected[1]
    if answer.status == 421:
        assert answer.json()["errors"][0]["code"] == "MisdirectedRequest"


MALFORMED = ["", "a b", "a:b", "a:99999", "a@b", "a/b", "évil", "a,b", "[::1", "-a?x"]


@pytest.mark.parametrize("host", MALFORMED)
def test_HTTP_3_malformed_hosts_are_400(host: str, server: Server) -> None:
    assert ask(server.port, host).status == 400


def test_HTTP_3_two_hosts_or_none_are_400(server: Server) -> None:
    for fields in (b"Host: localhost\r\nHost: localhost\r\n", b""):
        with raw_connection(server.port) as connection:
            connection.send_bytes(b"GET /edge/tell HTTP/1.1\r\n" + fields + b"\r\n")
            assert connection.read().status == 400


@pytest.mark.parametrize(
    ("host", "path", "location"),
    [
        ("first.example", "/edge/tell?a=1", "https://first.example:{port}/edge/tell?a=1"),
        ("a.wild.example:8080", "//evil.com/", None),
        ("first.example", "/@evil.com", "https://first.example:{port}/@evil.com"),
        ("evil.com", "/edge/tell", None),
        ("first.example@evil.com", "/", None),
        ("first.example.evil.com", "/", None),
    ],
)
def test_HTTP_10_redirect_to_https(
    host: str, path: str, location: str | None, server: Server, ports: tuple[int, int]
) -> None:
    answer = ask(ports[1], host, path)
    if location is None:
        assert answer.status in {400, 404, 421}
        assert "location" not in answer.headers
    else:
        assert (answer.status, answer.headers["location"]) == (301, location.format(port=ports[0]))
    assert ask(ports[1], "evil.com", "/health/live").status == 200


def test_HTTP_4_e01_proxies(server: Server) -> None:
    answer = ask(server.port, "first.example", X_Forwarded_For="6.6.6.6, 1.2.3.4", X_Forwarded_Proto="https")
    assert answer.json()["response"] == {"ip": "1.2.3.4", "scheme": "https", "host": "first.example"}
    answer = ask(server.port, "evil.example", Forwarded='for="[2001:db8::1]:7";proto=https;host=first.example')
    assert answer.json()["response"] == {"ip": "2001:db8::1", "scheme": "https", "host": "first.example"}
    assert ask(server.port, "first.example", X_Forwarded_Host="evil.example").status == 421
    assert ask(server.port, "first.example", X_Forwarded_For="1.1.1.1", Forwarded="for=2.2.2.2").status == 400


WRONG = {
    "missing": ("Certificate('tls/none.pem', 'tls/a.key')", r"listen.1.certificates.0.cert_file: there is no file "),
    "no key": ("Certificate('tls/a.pem', 'tls/none.key')", r"listen.1.certificates.0.key_file: there is no file "),
    "no PEM": ("Certificate('tls/a.pem', 'config/test.py')", r"listen.1.certificates.0: cannot use "),
    "key of another": ("Certificate('tls/a.pem', 'tls/c.key')", r"KEY_VALUES_MISMATCH"),
    "wrong password": ("Certificate('tls/b.pem', 'tls/b.key', 'falsch')", r"listen.1.certificates.0: cannot use "),
}


@pytest.mark.parametrize(("certificate", "expected"), WRONG.values(), ids=WRONG)
def test_wrong_certificates_name_the_setting(certificate: str, expected: str) -> None:
    with edge_root(f"listen=[Http(port=0), Https([{certificate}])]") as root:
        write_certificate(root / "tls", "a", "a.example")
        write_certificate(root / "tls", "b", password=b"richtig")
        write_certificate(root / "tls", "c")
        for command in ("check", "serve"):
            done = run_command(root, "test", command, CATENA_LOCAL_URL="memory")
            assert (done.returncode, done.stdout) == (1, "")
            [line] = done.stderr.splitlines()
            assert expected in line
            assert "falsch" not in line


def test_HTTP_3_only_a_star_lets_unknown_hosts_in() -> None:
    with edge_server("hosts=[Host('api', ['a.example']), Host('rest', ['*'])]", "api", "rest") as server:
        assert ask(server.port, "evil.example", "/host").json()["response"] == "rest"
        assert ask(server.port, "a.example", "/host").json()["response"] == "api"
