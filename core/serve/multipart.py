"""Multipart bodies: texts and files, read piece by piece, files to disk.

In: a `Request` that brings files, its body within the limit of the route. Out: a dict like that of a form body, with
`Upload`s in it: at most 200 texts as long as in other bodies, 20 files, and 8 KiB of headers a part. Next: `schema/`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from core.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from core.schema.upload import Upload
from core.serve.request import Request
from core.serve.values import build_form, check_texts
from core.settings import KIB, Limits

TEXTS_MAX: Final = 200
FILES_MAX: Final = 20
_HEADER_BYTES: Final = 8 * KIB
_IN_MEMORY: Final = 64 * KIB
_UNUSABLE: Final = re.compile(r"\A[.\x00-\x1f\x7f]*\Z|[\x00-\x1f\x7f]")  # names of folders, control characters


async def read_multipart(
    request: Request, pieces: AsyncIterator[bytes], limits: Limits, declared: Mapping[str, int]
) -> dict[str, Any]:
    """The texts and files of a body by name, an empty dict where there is none; `declared` as for `parse_json`.

    Raises:
        UnsupportedMediaType: another content type, or a content coding.
        PayloadTooLarge: a text or the number of parts is over its bound.
        BadRequest: the body breaks the format, or a name or text is not usable.
    """
    kind, options = parse_options_header(request.index.get(b"content-type", b""))
    boundary = options.get(b"boundary", b"")
    is_coded = request.index.get(b"content-encoding", b"").lower() not in {b"", b"identity"}
    form, parser, digest = _Form(max(limits.text_bytes, *declared.values(), 0)), None, sha256()
    async for chunk in pieces:
        if kind != b"multipart/form-data" or not boundary or is_coded:
            raise UnsupportedMediaType(msg="The body must be multipart/form-data with a boundary, not compressed.")
        digest.update(chunk)
        try:
            parser = parser or MultipartParser(boundary, form.callbacks(), max_header_size=_HEADER_BYTES)
            parser.write(chunk)
        except FormParserError:
            raise BadRequest(msg="The body is not valid multipart/form-data.") from None
    if parser is not None and not form.is_complete:
        raise BadRequest(msg="The body ends before its last boundary.")
    request.digest = digest.digest()
    value = build_form(form.values)
    check_texts(value, limits.text_bytes, declared)
    return value


class _Form:
    """What the parser reports, put together part by part."""

    def __init__(self, text_bytes: int) -> None:
        self.values: list[tuple[str, Any]] = []
        self.is_complete = False
        self._text_bytes = text_bytes
        self._headers: dict[bytes, bytes] = {}
        self._field = self._value = b""
        self._options: dict[bytes, bytes] = {}
        self._text = bytearray()
        self._file: Upload | None = None
        self._files = 0

    def callbacks(self) -> Any:
        """The parser's names for what happens."""
        names = "part_begin part_data part_end header_field header_value header_end headers_finished end"
        return {f"on_{name}": getattr(self, f"_{name}") for name in names.split()}

    def _part_begin(self) -> None:
        self._headers, self._field, self._value, self._text, self._file = {}, b"", b"", bytearray(), None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        kind, self._options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or not self._options.get(b"name"):
            raise BadRequest(msg="A part of the body has no name.")
        if b"filename" in self._options:
            self._files += 1
            self._file = self._open_file(_decode(self._options[b"filename"]))
        if self._files > FILES_MAX or len(self.values) - self._files >= TEXTS_MAX:
            raise PayloadTooLarge(msg=f"The body has more than {FILES_MAX} files or {TEXTS_MAX} texts.")

    def _open_file(self, name: str) -> Upload:
        content_type = self._headers.get(b"content-type", b"application/octet-stream").decode("latin-1")
        file = cast("IO[bytes]", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115  its Upload closes it
        name, content_type = (_UNUSABLE.sub("", text)[:255] for text in (re.split(r"[/\\]", name)[-1], content_type))
        return Upload(name, content_type, file)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.file.write(data[start:end])  # to the page cache: a thread for each piece would take longer
            self._file.size_bytes += end - start
        elif len(self._text) + end - start > self._text_bytes:
            raise PayloadTooLarge(msg=f"A text of the body is longer than {self._text_bytes} bytes.")
        else:
            self._text += data[start:end]

    def _part_end(self) -> None:
        name = _decode(self._options[b"name"])
        if self._file is None:
            self.values.append((name, _decode(bytes(self._text))))
            return
        self._file.file.seek(0)
        if self._file.filename or self._file.size_bytes:  # browsers send an empty part for a file that nobody chose
            self.values.append((name, self._file))

    def _end(self) -> None:
        self.is_complete = True


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise BadRequest(msg="A name or text of the body is not valid UTF-8.") from None
