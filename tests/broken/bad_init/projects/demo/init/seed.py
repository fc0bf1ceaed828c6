from core import AppContext, init


@init()
def seed(app: AppContext) -> None: ...


@init()
async def nothing() -> None: ...


@init(order="first")
async def late(app: AppContext) -> None: ...
