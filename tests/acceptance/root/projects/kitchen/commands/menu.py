"""Commands of the project."""

from core import AppContext, command
from projects.kitchen.models.dish import Dish


@command("menu add")
async def add(app: AppContext, *, name: str, large: bool = False) -> None:
    """Put a dish on the menu."""
    dish = await app.db[Dish].insert(Dish(name=name, size="large" if large else "small"))
    print(f"added {dish.name} ({dish.size})")
