"""An empty list starts with the default todos of the settings."""

from __future__ import annotations

from core import AppContext, init
from projects.demo.config.settings import DemoSettings
from projects.demo.libs.todos import seed_todos
from projects.demo.models.todo import Todo


@init(order=10)
async def seed(app: AppContext) -> None:
    """Runs in every worker at every start, so it does nothing where there is something."""
    await seed_todos(app.db[Todo], app.settings[DemoSettings].default_todos, app.now())
