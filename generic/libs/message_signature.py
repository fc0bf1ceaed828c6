"""HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530), the profile of version 2.0; pure.

In: the headers of a request. Out: who signed when, and the signature base. One signature, `hmac-sha256`, over at
least the method, authority, path and query, and over the digest of the body where there is one. Headers must be
written in the canonical form of RFC 8941, which every library writes: then the text received is the text signed.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from generic.libs.signature_v2 import Signed

_INPUT = re.compile(
    r"(?P<label>[a-z*][a-z0-9_.*-]{0,63})="
    r'(?P<parameters>\((?P<names>"[^"\\ ]{1,64}"(?: "[^"\\ ]{1,64}"){0,31})\)'
    r'(?P<rest>(?:;[a-z]+=(?:\d{1,12}|"[^"\\;]*"))*))',
    re.ASCII,
)
_PARAMETER = re.compile(r';([a-z]+)=(?:([0-9]+)|"([^"]*)")')
# 32 bytes in base64, whose last character has two bits that say nothing: one text per value, so they are 0.
_BASE64 = "([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"
_SIGNATURE = re.compile(rf"([a-z*][a-z0-9_.*-]{{0,63}})=:{_BASE64}:")
_DIGEST = re.compile(rf"(?:^|, ?)sha-256=:{_BASE64}:(?=$|,)")
_KEY_ID = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})")
_NONCE = re.compile(r"[A-Za-z0-9+/=_-]{16,64}")
_REQUIRED = ("@method", "@authority", "@path", "@query")
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """A parsed signature: `signed`, the names it covers, its own line of the base, when it `expires` (seconds)."""

    signed: Signed
    names: tuple[str, ...]
    parameters: str
    expires: int | None

    @property
    def covers_body(self) -> bool:
        """Whether the digest of the body is covered."""
        return "content-digest" in self.names


def parse_signature(signature_input: str, signature: str) -> SignatureInput | None:
    """The one signature of the two headers, or `None` where it is not of the profile."""
    found, sent = _INPUT.fullmatch(signature_input), _SIGNATURE.fullmatch(signature)
    if found is None or sent is None or found["label"] != sent[1]:
        return None
    names = tuple(found["names"][1:-1].split('" "'))
    parameters = _PARAMETER.findall(found["rest"])
    values = {name: number or text for name, number, text in parameters}
    numbers = {name for name, number, _ in parameters if number}
    who, nonce = _KEY_ID.fullmatch(values.get("keyid", "")), values.get("nonce", "")
    wrong = (
        len(values) < len(parameters)
        or len(set(names)) < len(names)
        or not values.keys() <= {"created", "expires", "nonce", "alg", "keyid", "tag"}
        or not {"created"} <= numbers <= {"created", "expires"}
        or ("expires" in values and "expires" not in numbers)
        or values.get("alg", "hmac-sha256") != "hmac-sha256"
        or not _NONCE.fullmatch(nonce)
        or not set(_REQUIRED).issubset(names)
    )
    if wrong or who is None:
        return None
    signed = Signed(who[1], who[2], int(values["created"]), nonce, b64decode(sent[2]))
    expires = int(values["expires"]) if "expires" in values else None
    return SignatureInput(signed, names, found["parameters"], expires)


def build_base(
    wanted: SignatureInput, method: str, scheme: str, path: bytes, query: bytes, headers: Mapping[bytes, bytes]
) -> bytes | None:
    """The signature base (RFC 9421 2.5), or `None` where it covers something that is not there."""
    authority = headers.get(b"host", b"").decode("latin-1").lower().removesuffix(_PORTS.get(scheme, " "))
    target = (path + (b"?" + query if query else b"")).decode("latin-1")
    derived = {
        "@method": method,
        "@authority": authority,
        "@path": path.decode("latin-1"),
        "@query": "?" + query.decode("latin-1"),
        "@scheme": scheme,
        "@request-target": target,
        "@target-uri": f"{scheme}://{authority}{target}",
    }
    lines = []
    for name in wanted.names:
        value = derived.get(name)
        if value is None:
            header = headers.get(name.encode("latin-1", "replace"))
            if header is None:
                return None
            value = header.decode("latin-1").strip(" \t")
        lines.append(f'"{name}": {value}\n')
    return "".join([*lines, f'"@signature-params": {wanted.parameters}']).encode("latin-1")


def matches_digest(content_digest: str, body_digest: bytes) -> bool:
    """Whether the header names this SHA-256; digests by other methods are passed over."""
    found = _DIGEST.findall(content_digest)
    return len(found) == 1 and compare_digest(b64decode(found[0]), body_digest)
