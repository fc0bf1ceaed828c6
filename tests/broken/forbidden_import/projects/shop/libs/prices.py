from core import Lib

lib = Lib("shop-prices")
