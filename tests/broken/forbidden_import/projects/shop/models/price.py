from core import Model


class Price(Model, identity="shop-price", collection="shop-prices"):
    name: str = ""
