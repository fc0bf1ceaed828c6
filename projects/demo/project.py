"""The demo project: a todo list, as an example of everything a project is made of."""

from core import Project

project = Project("demo")
