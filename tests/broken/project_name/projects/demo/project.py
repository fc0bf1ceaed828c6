from core import Project

project = Project("todo")
