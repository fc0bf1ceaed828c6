from core import Context, Controller

prices = Controller("shop-prices")


@prices.list
async def list_prices(ctx: Context) -> list[int]:
    return [1]
