from core import Context, Controller


class Device: ...


class Phone(Device): ...


class User: ...


access = Controller("demo-access")
todos = Controller("demo-todos")


@access.action("phone", provides=Phone)
async def check_phone(ctx: Context) -> Phone:
    return Phone()


@access.action("maybe", provides=User)
async def check_maybe(ctx: Context) -> User | None:
    return None


@todos.list
async def list_todos(ctx: Context, *, device: Device) -> None: ...


@todos.index
async def get_todo(ctx: Context, *, user: User, phone: Phone | None, lucky: int = 7) -> None: ...


@todos.create
async def create_todo(ctx: Context, *, when: frozenset) -> None: ...
