from core import AppContext, command


@command("secret create")
async def create(app: AppContext, *, groups: list[str], count: int = 1) -> None: ...


@command("routes all")
async def routes(app: AppContext) -> None: ...


@command("Secret!")
async def shout(app: AppContext) -> None: ...


@command("secret drop")
async def drop(app: AppContext, name: str) -> None: ...


@command("secret show")
def show(app: AppContext) -> None: ...


@command("secret void")
async def void(app: AppContext, *, nothing: None) -> None: ...
