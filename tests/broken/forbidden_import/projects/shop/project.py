from core import Project

project = Project("shop")
