from core import Context, Controller, Params

limiter = Controller("demo-limiter")


class LimiterOptions(Params):
    per_minute: int
    scope: str = "ip"


@limiter.all
async def limit(ctx: Context, *, options: LimiterOptions) -> None: ...


@limiter.action("plain")
async def plain(ctx: Context) -> None: ...


@limiter.action("odd")
async def odd(ctx: Context, *, options: dict) -> None: ...
