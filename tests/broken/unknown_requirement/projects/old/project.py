from core import Project

project = Project("old", disabled=True)
