from core import Lib
from projects.shop.models.price import Price

lib = Lib("demo-allowed")
CLASSES = [Price]
