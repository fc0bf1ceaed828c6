"""XML outputs: a result without envelope, and an error as `<error>` with `status` and `errors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core import Context, Controller, HTTPError, Response, error_response, json_response
from generic.libs.plain import read_envelope
from generic.libs.xml import build_xml

xml_output = Controller("generic-defaultXMLResponse", version="1.0", group="generic")
xml_errors = Controller("generic-defaultXMLErrorResponse", version="1.0", group="generic")

_MEDIA_TYPE: Final = "application/xml; charset=utf-8"


@xml_output.all
async def send_xml(ctx: Context) -> Response:
    """The result as XML, `<root/>` where there is none."""
    result = read_envelope(json_response(ctx)).get("response")
    return _answer(build_xml(result), ctx.status, {})


@xml_errors.all
async def send_xml_error(ctx: Context, *, error: HTTPError) -> Response:
    """The error as XML, its texts in the language of the request."""
    answer = error_response(ctx, error)
    if not answer.body:
        return answer
    return _answer(build_xml(read_envelope(answer), "error"), error.status, error.headers)


def _answer(document: str, status: int, headers: Mapping[str, str]) -> Response:
    return Response(document, status, {**headers, "Content-Type": _MEDIA_TYPE})
