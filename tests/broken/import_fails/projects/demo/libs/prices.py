from core import Lib

lib = Lib("demo-prices")
PRICES = {"milk": 1.2}
CHEAPEST = min(PRICE.values())
