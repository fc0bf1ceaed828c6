"""Steps behind a signature: they tell what they saw."""

from __future__ import annotations

from typing import Any

from core import Context, Controller, Params, Stream, Upload
from generic.models.device import Device

echo = Controller("vault-echo", group="vault")


def _seen(ctx: Context, device: Device, body: Any = None) -> dict[str, Any]:
    seen = {"device": device.id, "offset": device.time_offset_ms, "method": ctx.request.method, "body": body}
    return {**seen, "path": ctx.request.path, "query": ctx.request.query_string.decode("latin-1")}


@echo.all
async def show(ctx: Context, *, device: Device) -> dict[str, Any]:
    return _seen(ctx, device)


@echo.action("json")
async def show_json(ctx: Context, *, body: dict[str, Any], device: Device) -> dict[str, Any]:
    return _seen(ctx, device, body)


@echo.action("text")
async def show_text(ctx: Context, *, body: str, device: Device) -> dict[str, Any]:
    return _seen(ctx, device, body)


@echo.action("raw")
async def show_raw(ctx: Context, *, body: bytes, device: Device) -> dict[str, Any]:
    return _seen(ctx, device, body.hex())


class Files(Params):
    """A text and a file."""

    note: str = ""
    file: Upload


@echo.action("files")
async def show_files(ctx: Context, *, body: Files, device: Device) -> dict[str, Any]:
    return _seen(ctx, device, [body.note, body.file.filename, (await body.file.read()).hex()])


@echo.action("stream")
async def show_stream(ctx: Context, *, body: Stream, device: Device) -> dict[str, Any]:
    return _seen(ctx, device, b"".join([piece async for piece in body]).hex())
