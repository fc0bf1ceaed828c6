"""Keys at rest: sealed with AES-256-GCM under a secret of the installation.

In: a text and what it belongs to. Out: `sealed.<id>.<base64>`, which opens only for the same owner, so that nobody
who can write to the database gives one device the key of another. Several secrets may open: the first one seals.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from core import ConfigError

SETTING = "projects.generic-access.sealing_secret"
_LEAST = 32
#: of machines where nothing is worth sealing: the modes `local` and `test`
_OPEN_MODES = ("local", "test")
_OPEN_SECRET = "catena seals nothing of worth in the modes local and test"  # noqa: S105  refused in other modes


class Sealer:
    """Seals and opens; without secrets (`""`) it can do neither.

    Raises:
        ConfigError: a secret is too short.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        # Loads OpenSSL: only where keys are used at all.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        if any(len(secret) < _LEAST for secret in secrets):
            raise ConfigError(SETTING, f"needs {_LEAST} characters or more")
        self._ciphers: dict[str, Any] = {}
        for secret in secrets:
            key = HKDF(SHA256(), 32, None, b"catena sealing 1").derive(secret.encode())
            self._ciphers[sha256(key).hexdigest()[:8]] = AESGCM(key)

    @property
    def can_seal(self) -> bool:
        """Whether there is a secret to seal with."""
        return bool(self._ciphers)

    def seal(self, text: str, owner: str) -> str:
        """The text, sealed for its owner.

        Raises:
            ConfigError: nothing to seal with is configured.
        """
        if not self._ciphers:
            raise ConfigError(SETTING, "is needed: keys are stored sealed")
        name, cipher = next(iter(self._ciphers.items()))
        nonce = token_bytes(12)
        return f"sealed.{name}.{b64encode(nonce + cipher.encrypt(nonce, text.encode(), owner.encode())).decode()}"

    def open(self, sealed: str, owner: str) -> str | None:
        """The text, or `None` where it was sealed under another secret or for another owner."""
        from cryptography.exceptions import InvalidTag

        head, name, text = [*sealed.split(".", 2), "", ""][:3]
        cipher = self._ciphers.get(name)
        if head != "sealed" or cipher is None:
            return None
        try:
            data = b64decode(text, validate=True)
            opened: bytes = cipher.decrypt(data[:12], data[12:], owner.encode())
        except (InvalidTag, ValueError):
            return None
        return opened.decode()


def make_sealer(sealing_secret: str, mode: str) -> Sealer:
    """The sealer of an installation; in the modes `local` and `test` there is one without any setting."""
    secrets = [part.strip() for part in sealing_secret.split(",") if part.strip()]
    if not secrets and mode in _OPEN_MODES:
        secrets = [_OPEN_SECRET]
    return Sealer(secrets)


def is_sealed(text: str) -> bool:
    """Whether a stored text is sealed; mia.js stored secrets as they are."""
    return text.startswith("sealed.")
