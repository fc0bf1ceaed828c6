"""Header fields of answers: checked once, kept as the bytes that are sent.

In: names and values as text. Out: `(name, value)` pairs in bytes. Nothing with a line break gets through, so
no text from a request can add a header or a second answer. Next: `response.py`.
"""

from __future__ import annotations

import re
from typing import Final

#: a header as it is sent; the name in lower case
RawHeader = tuple[bytes, bytes]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

NOSNIFF: Final[RawHeader] = (b"x-content-type-options", b"nosniff")
#: for data: a browser that opens it as a page may load and run nothing
CSP_DATA: Final[RawHeader] = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
#: for files: pages may use what comes from this server, and be framed by it
CSP_PAGE: Final[RawHeader] = (
    b"content-security-policy",
    b"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
)


def encode_header(name: str, value: str) -> RawHeader:
    """A header as it is sent.

    Raises:
        ValueError: the name is no header name; the value contains a line break or another control
            character, or a character outside latin-1.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a header name")
    if _NO_TEXT.search(value):
        raise ValueError(f"the value of header {name} contains a line break or a control character")
    try:
        return name.lower().encode("ascii"), value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"the value of header {name} contains a character outside latin-1") from None
