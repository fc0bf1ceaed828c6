import importlib

list_prices = importlib.import_module("projects.shop.controllers.prices").list_prices
