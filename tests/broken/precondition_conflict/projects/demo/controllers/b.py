from typing import Annotated

from core import Context, Controller, Params, rule

b = Controller("demo-b")


class Page(Params):
    limit: Annotated[int, rule("Items", max=20)] = 5
    sort: str = "name"


@b.list
async def list_b(ctx: Context, *, query: Page) -> None: ...
