"""Files in multipart bodies through a whole application."""

from __future__ import annotations

from pathlib import Path

from core.testing import make_app

FILES = {
    "controllers/c.py": """
from typing import Annotated, Any

from core import Context, Controller, Params, Upload, rule

c = Controller("shop-c", group="shop")


class Picture(Params):
    title: Annotated[str, rule(max_length=10)]
    file: Upload
    more: list[Upload] | None = None


@c.create
async def keep(ctx: Context, *, body: Picture) -> dict[str, Any]:
    return {"title": body.title, "name": body.file.filename, "length": len(await body.file.read())}
""",
    "routes/r.py": """
from core import MIB, Body, Path, Route, Routes, use

api = Routes(group="shop", prefix="/shop", paths=[
    Path("./picture", create=Route("picture", chain=[use("shop-c")], body=Body("multipart", 2 * MIB))),
])
""",
}


def form(*parts: tuple[str, bytes]) -> bytes:
    pieces = [b"--xyz\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data for head, data in parts]
    return b"\r\n".join(pieces) + b"\r\n--xyz--\r\n"


async def test_a_file_reaches_the_step_that_declares_it(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    async with make_app(tmp_path / "shop", mongo="memory") as app:

        async def post(*parts: tuple[str, bytes]):
            headers = {"content-type": "multipart/form-data; boundary=xyz"}
            return await app.client.post("/shop/picture", content=form(*parts), headers=headers)

        picture = ('name="file"; filename="a.png"', b"x" * 1_000_000)
        reply = await post(('name="title"', b"Sea"), picture)
        assert (reply.status, reply.json()["response"]) == (200, {"title": "Sea", "name": "a.png", "length": 1_000_000})
        assert (await post(('name="title"', b"Sea"), picture, picture, picture)).status in {400, 413}
        wrong = await post(('name="title"', b"much too long a title"), ('name="file"', b"a text"))
        assert wrong.status == 400
        assert "MaxLengthExceeded" in wrong.text and "UnexpectedType" in wrong.text
