"""Every error Catena raises, and the codes that clients see.

CatenaError
├── LoadError(source, message, hint)     something declared is wrong; collected, exit code 1
│   ├── ImportFailed  BadDeclaration  DuplicateIdentity  UnresolvedReference
│   └── MissingProvider  PreconditionConflict  RouteConflict
├── ConfigError(name, message)           a setting is wrong; names it, never prints a secret
├── HTTPError(code, msg, errors, headers) an answer, not a failure: 400 … 504
├── ModelError(errors)                   a document broke its rules outside a request
├── StoreError                           the database; the driver's error is the cause
│   └── DuplicateKey(index)  NotConnected(name)
└── CronError
    └── LeaseLost  JobStopped
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from core.source import Source


class WireCode(StrEnum):
    """Core's own error codes, spelled as mia.js clients know them (`MinValueUnderachived` included)."""

    UNEXPECTED_TYPE = "UnexpectedType"
    UNEXPECTED_DEFAULT_VALUE = "UnexpectedDefaultValue"
    MIN_LENGTH_UNDERACHIEVED = "MinLengthUnderachieved"
    MAX_LENGTH_EXCEEDED = "MaxLengthExceeded"
    MIN_VALUE_UNDERACHIVED = "MinValueUnderachived"
    MAX_VALUE_EXCEEDED = "MaxValueExceeded"
    VALUE_NOT_ALLOWED = "ValueNotAllowed"
    PATTERN_MISMATCH = "PatternMismatch"
    MISSING_REQUIRED_PARAMETER = "MissingRequiredParameter"
    ADDITIONAL_PARAMS_NOT_ALLOWED = "AdditionalParamsNotAllowed"
    BAD_REQUEST = "BadRequest"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    NOT_FOUND = "NotFound"
    METHOD_NOT_ALLOWED = "MethodNotAllowed"
    CONFLICT = "Conflict"
    DATA_RECORD_ALREADY_EXIST = "DataRecordAlreadyExist"
    GONE = "Gone"
    ETAG_MISMATCH = "ETagPreconditionFailed"
    PAYLOAD_TOO_LARGE = "PayloadTooLarge"
    URI_TOO_LONG = "UriTooLong"
    UNSUPPORTED_MEDIA_TYPE = "UnsupportedMediaType"
    MISDIRECTED = "MisdirectedRequest"
    RATE_LIMIT_EXCEEDED = "RateLimitExceeded"
    HEADERS_TOO_LARGE = "HeadersTooLarge"
    INTERNAL_SERVER_ERROR = "InternalServerError"
    BAD_GATEWAY = "BadGateway"
    UNAVAILABLE = "ServiceUnavailable"
    REQUEST_TIMEOUT = "RequestTimeout"
    GATEWAY_TIMEOUT = "GatewayTimeout"


#: what the checks of parameters may answer, in mia's order
VALIDATOR_CODES = (
    WireCode.UNEXPECTED_DEFAULT_VALUE, WireCode.UNEXPECTED_TYPE, WireCode.MIN_LENGTH_UNDERACHIEVED,
    WireCode.MAX_LENGTH_EXCEEDED, WireCode.MIN_VALUE_UNDERACHIVED, WireCode.MAX_VALUE_EXCEEDED,
    WireCode.VALUE_NOT_ALLOWED, WireCode.PATTERN_MISMATCH, WireCode.MISSING_REQUIRED_PARAMETER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ErrorItem:
    """One entry of the `errors` list in an answer, with mia's member names.

    Attributes:
        code: a wire code; what clients should key on.
        msg: text for people; empty means the translation of `code`.
        id: dotted path of the field, for precondition errors.
        in_: `header`, `query`, `path` or `body`, for precondition errors; sent as `in`.
        extra: further members to send, as plain error objects may carry.
    """

    code: str
    msg: str = ""
    id: str | None = None
    in_: str | None = None
    extra: Mapping[str, Any] | None = None


class CatenaError(Exception):
    """Root of everything Catena raises on purpose."""


class LoadError(CatenaError):
    """A declaration that cannot be loaded or linked; printed as `file:line: message (hint)`."""

    def __init__(self, source: Source, message: str, hint: str = "") -> None:
        super().__init__(source, message, hint)
        self.source = source
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.source}: {self.message}{tail}"


class ImportFailed(LoadError):
    """A project file raised while it was imported."""


class BadDeclaration(LoadError):
    """A declaration that contradicts itself or the author's contract."""


class DuplicateIdentity(LoadError):
    """Two declarations of one kind share identity and version."""


class UnresolvedReference(LoadError):
    """A name that no declaration answers to."""


class MissingProvider(LoadError):
    """A step needs a value that no earlier step provides."""


class PreconditionConflict(LoadError):
    """Two steps of one chain declare the same parameter differently."""


class RouteConflict(LoadError):
    """Two routes claim the same method and path on one host."""


class ConfigError(CatenaError):
    """A setting that is missing or wrong. Names the setting, never a secret value."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class HTTPError(CatenaError):
    """An answer with an error envelope. Raise it from a step; the error steps may replace it.

    Args:
        code: the wire code; defaults to the one of the class.
        msg: text for people; defaults to the translation of the code.
        errors: several entries instead of the one made of code and msg.
        headers: headers to add to the answer.

    Attributes:
        actor: who was refused, for the log of 401, 403 and 429; never sent. Set it before raising.
    """

    actor = ""
    status: ClassVar[int] = 500
    default_code: ClassVar[str] = WireCode.INTERNAL_SERVER_ERROR

    def __init__(
        self,
        code: str | None = None,
        msg: str = "",
        *,
        errors: Sequence[ErrorItem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.msg = msg
        self.errors: tuple[ErrorItem, ...] = tuple(errors) or (ErrorItem(self.code, msg),)
        self.headers = dict(headers or {})
        super().__init__(self.code, msg)

    def __str__(self) -> str:
        return f"{self.status} {self.code}{': ' + self.msg if self.msg else ''}"


class BadRequest(HTTPError):
    """400: the request cannot be understood."""

    status, default_code = 400, WireCode.BAD_REQUEST


class PreconditionFailed(BadRequest):
    """400: one or more parameters broke their rules; every one of them is listed."""

    def __init__(self, errors: Sequence[ErrorItem]) -> None:
        super().__init__(errors=errors)


class Unauthorized(HTTPError):
    """401: the caller is not known."""

    status, default_code = 401, WireCode.UNAUTHORIZED


class Forbidden(HTTPError):
    """403: the caller is known and may not."""

    status, default_code = 403, WireCode.FORBIDDEN


class NotFound(HTTPError):
    """404: nothing lives here."""

    status, default_code = 404, WireCode.NOT_FOUND


class MethodNotAllowed(HTTPError):
    """405: the path exists, this method on it does not; `Allow` lists those that do."""

    status, default_code = 405, WireCode.METHOD_NOT_ALLOWED

    def __init__(self, allow: Sequence[str]) -> None:
        super().__init__(headers={"Allow": ", ".join(allow)})
        self.allow = tuple(allow)


class Conflict(HTTPError):
    """409: the request contradicts what is stored."""

    status, default_code = 409, WireCode.CONFLICT


class Gone(HTTPError):
    """410: it lived here once."""

    status, default_code = 410, WireCode.GONE


class EtagMismatch(HTTPError):
    """412: the stored version is another one than the client names."""

    status, default_code = 412, WireCode.ETAG_MISMATCH


class PayloadTooLarge(HTTPError):
    """413: the body is over the route's limit."""

    status, default_code = 413, WireCode.PAYLOAD_TOO_LARGE


class UriTooLong(HTTPError):
    """414: the request target is over the limit."""

    status, default_code = 414, WireCode.URI_TOO_LONG


class UnsupportedMediaType(HTTPError):
    """415: the route does not read bodies of this type."""

    status, default_code = 415, WireCode.UNSUPPORTED_MEDIA_TYPE


class Misdirected(HTTPError):
    """421: this server does not answer for the host named in the request."""

    status, default_code = 421, WireCode.MISDIRECTED


class TooManyRequests(HTTPError):
    """429: a rate limit is exhausted."""

    status, default_code = 429, WireCode.RATE_LIMIT_EXCEEDED


class HeadersTooLarge(HTTPError):
    """431: too many header fields, or too long."""

    status, default_code = 431, WireCode.HEADERS_TOO_LARGE


class InternalServerError(HTTPError):
    """500: a failure of ours; logged with its traceback, never shown to the client."""


class BadGateway(HTTPError):
    """502: an upstream answered with something unusable."""

    status, default_code = 502, WireCode.BAD_GATEWAY


class Unavailable(HTTPError):
    """503: try again later; carries `Retry-After`.

    Args:
        code: the wire code; `RequestTimeout` when the deadline of the request passed.
        msg: text for people.
        retry_after_s: seconds until a retry makes sense.
        more: `errors` and `headers`, as every `HTTPError` takes them.
    """

    status, default_code = 503, WireCode.UNAVAILABLE

    def __init__(self, code: str | None = None, msg: str = "", *, retry_after_s: int = 1, **more: Any) -> None:
        super().__init__(code, msg, **more)
        self.headers.setdefault("Retry-After", str(retry_after_s))


class GatewayTimeout(HTTPError):
    """504: an upstream did not answer in time."""

    status, default_code = 504, WireCode.GATEWAY_TIMEOUT


class ModelError(CatenaError):
    """A document broke the rules of its model outside a request; lists every broken rule."""

    def __init__(self, errors: Sequence[ErrorItem]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{item.id}: {item.msg or item.code}" for item in self.errors))


class StoreError(CatenaError):
    """The database refused or failed; the driver's error is the cause."""


class DuplicateKey(StoreError):
    """A unique index already holds this value."""

    def __init__(self, index: str) -> None:
        super().__init__(index)
        self.index = index

    def __str__(self) -> str:
        return f"the index '{self.index}' holds this value already"


class NotConnected(StoreError):
    """A database cannot be reached, or had no free connection or time left."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"database '{self.name}' cannot be reached, or is too busy"


class CronError(CatenaError):
    """Timed work could not be claimed, kept or finished."""


class LeaseLost(CronError):
    """Another server may own this run now: stop, and write nothing more."""


class JobStopped(CronError):
    """The job was asked to stop."""
