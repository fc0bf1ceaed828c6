from typing import Annotated

from core import Context, Controller, Params, rule

a = Controller("demo-a")


class Page(Params):
    limit: Annotated[int, rule("Items", max=10)] = 5
    sort: str = "name"


@a.list
async def list_a(ctx: Context, *, query: Page) -> None: ...
