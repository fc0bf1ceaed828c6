from core import Context, Controller, HTTPError, NotFound, Params


class Device: ...


class Page(Params):
    limit: int = 25


errors = Controller("demo-errors")


@errors.action("good")
async def good(ctx: Context, *, error: HTTPError, device: Device | None) -> None: ...


@errors.action("sections")
async def sections(ctx: Context, *, error: HTTPError, query: Page) -> None: ...


@errors.action("needs")
async def needs(ctx: Context, *, error: HTTPError, device: Device) -> None: ...


@errors.action("narrow")
async def narrow(ctx: Context, *, error: NotFound) -> None: ...


@errors.action("plain")
async def plain(ctx: Context) -> None: ...
