"""Certificates of the https listeners, chosen by the name that a client asks for (SNI).

In: the `Https` listeners of the settings. Out: one TLS context for each, made before a socket is bound. A restart
of the workers reads the files again. Next: `server.py`.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from core.errors import ConfigError
from core.settings import Certificate, Http, Https, Secret

#: no TLS, or the context that a listener begins with
Context = ssl.SSLContext | None


def build_contexts(listeners: Sequence[Http | Https], root: Path) -> list[Context]:
    """The TLS context of each listener; `None` for plain ones. Relative paths start at `root`.

    Raises:
        ConfigError: a file is missing or unreadable, is no PEM, or certificate and key do not belong together.
    """
    return [
        _build_chooser(f"listen.{index}", listener.certificates, root) if isinstance(listener, Https) else None
        for index, listener in enumerate(listeners)
    ]


def _build_chooser(name: str, certificates: Sequence[Certificate], root: Path) -> ssl.SSLContext:
    """The context of the first certificate, which hands on to those of the other names."""
    contexts = [_load(f"{name}.certificates.{index}", item, root) for index, item in enumerate(certificates)]
    pairs = list(zip(certificates, contexts, strict=True))[::-1]  # of a name that two have, the first one wins
    by_name = {served: context for item, context in pairs for served in _read_names(root / item.cert_file)}

    def choose(connection: ssl.SSLSocket | ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
        asked = (asked or "").lower()
        found = by_name.get(asked) or by_name.get("*." + asked.partition(".")[2])
        if found is not None:
            connection.context = found

    if len(contexts) > 1:
        contexts[0].sni_callback = choose
    return contexts[0]


def _load(name: str, certificate: Certificate, root: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    password = certificate.password
    text = password.reveal() if isinstance(password, Secret) else password
    files = root / certificate.cert_file, root / certificate.key_file
    for setting, path in zip(("cert_file", "key_file"), files, strict=True):
        if not path.is_file():
            raise ConfigError(f"{name}.{setting}", f"there is no file {path}")
    try:
        context.load_cert_chain(*files, password=lambda: text)
    except (OSError, ValueError) as error:  # OSError: of ssl, too
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise ConfigError(name, f"cannot use {files[0]} with {files[1]}: {reason}") from None
    return context


def _read_names(path: Path) -> list[str]:
    """The DNS names that a certificate holds, in lower case; the first of a chain is the server's own."""
    from cryptography import x509  # loaded only where there is TLS

    certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]
