"""`new project NAME`: a project folder that loads and passes its test, to be edited.

In: a name and the files of `template/`, in which `@name@` stands for the name and `@Name@` for its form in
class names. Out: `projects/NAME` under the root, and on the terminal what to do next.
"""

from __future__ import annotations

import keyword
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from core.commands.state import State
from core.errors import ConfigError
from core.load.configuration import list_modes
from core.serve.create import HOME

_TEMPLATE: Final = Path(__file__).with_name("template")
_SUFFIX: Final = ".txt"  # the files of the template are texts: nothing imports or checks them


@click.group()
def new() -> None:
    """Make something to edit."""


@new.command("project")
@click.argument("name")
@click.pass_obj
def new_project(state: State, name: str) -> None:
    """A project folder with a controller, model, route, cron and test to edit."""
    folder = state.root / "projects" / name
    check_name(name, folder)
    for path in write_project(name, folder):
        click.echo(f"wrote {path.relative_to(state.root)}")
    root = "" if state.root == HOME else f" --root {state.root}"
    mode = state.mode if state.mode in list_modes(state.root) else "local"
    test = folder.relative_to(HOME) if folder.is_relative_to(HOME) else folder
    click.echo("\nNext:")
    click.echo(f"  python server.py {mode} routes{root}  its routes, and whatever is wrong with the project")
    click.echo(f"  python -m pytest {test}  its test, in memory")
    click.echo(f"  python server.py {mode}{root}  then: curl localhost:3000/{name}/v1/notes")


def check_name(name: str, folder: Path) -> None:
    """Refuse a name that no project can have here.

    Raises:
        ConfigError: it is no identifier, belongs to another project, or its folder exists.
    """
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name) or name.startswith("_"):
        wanted = "a project is named by a Python identifier of ASCII letters, digits and _, a letter first"
        raise ConfigError("new project", f"'{name}' cannot be imported: {wanted}")
    if (HOME / name).is_dir():
        raise ConfigError("new project", f"'{name}' is the name of a folder of Catena itself")
    if folder.exists():
        raise ConfigError("new project", f"projects/{name} exists already; nothing was written")


def write_project(name: str, folder: Path) -> Iterator[Path]:
    """Copy the template into a new folder, file by file; leaves nothing behind when it fails.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True)
        for source in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}")):
            target = folder / source.relative_to(_TEMPLATE).with_suffix("")
            target.parent.mkdir(exist_ok=True)
            text = source.read_text(encoding="utf-8")
            target.write_text(text.replace("@name@", name).replace("@Name@", class_name(name)), encoding="utf-8")
            yield target
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ConfigError("new project", f"{folder}: {error.strerror or error}") from None


def class_name(name: str) -> str:
    """`web_shop` → `WebShop`; letters after the first of each part stay as they are."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
