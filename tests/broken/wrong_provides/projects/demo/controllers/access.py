from core import Context, Controller


class Device: ...


access = Controller("demo-access")


@access.action("one", provides=Device)
async def one(ctx: Context) -> str:
    return "device"


@access.action("two", provides="Device")
async def two(ctx: Context) -> Device:
    return Device()
