"""EGR-10: TLS of upstreams is verified, by a server of its own that trusts what the test says."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.certificates import write_certificate
from tests.gateway import Gateway, run_gateway
from tests.server import free_port
from tests.upstreams import say_ok, serve_upstream

#: name → names in the certificate, days it is still valid, whether it is trusted, newest version that is spoken
SERVERS = {
    "good": (["localhost"], 1, True, ssl.TLSVersion.TLSv1_3),
    "tls12": (["localhost"], 1, True, ssl.TLSVersion.TLSv1_2),
    "selfsigned": (["localhost"], 1, False, ssl.TLSVersion.TLSv1_3),
    "otherhost": (["example.com"], 1, True, ssl.TLSVersion.TLSv1_3),
    "expired": (["localhost"], -1, True, ssl.TLSVersion.TLSv1_3),
    "tls11": (["localhost"], 1, True, ssl.TLSVersion.TLSv1_1),
}


def listening_context(certificate: Path, key: Path, newest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if newest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, newest
    return context


@pytest.fixture(scope="module")
async def gate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("certificates")
    trusted, upstreams = folder / "trusted.pem", {}
    async with AsyncExitStack() as stack:
        for name, (hosts, days, is_trusted, newest) in SERVERS.items():
            certificate, key = write_certificate(folder, name, *hosts, until_days=days)
            if is_trusted:
                with trusted.open("ab") as file:
                    file.write(certificate.read_bytes())
            server = await stack.enter_async_context(
                serve_upstream(say_ok, tls=listening_context(certificate, key, newest))
            )
            upstreams[name] = f'base_url="https://localhost:{server.port}"'
        proxy = f"http://127.0.0.1:{free_port()}"
        variables = {"SSL_CERT_FILE": str(trusted), "https_proxy": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
        routes = ",".join(
            f'Path("/{name}/*", all=Route("{name}", chain=[through(upstream="{name}")]))' for name in SERVERS
        )
        yield await stack.enter_async_context(
            run_gateway({"api": 'base_url="https://localhost:1"', **upstreams}, routes, variables=variables)
        )


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_EGR_10_only_a_certificate_that_holds_is_talked_to(gate: Gateway, name: str) -> None:
    async with gate.client.get(f"/{name}/x") as reply:
        assert reply.status == (200 if name in {"good", "tls12"} else 502)
