from core import AppContext, init


@init()
def seed(app: AppContext) -> None: ...


@init()
async def nothing() -> None: ...
