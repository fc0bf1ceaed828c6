from core import Project

project = Project("demo", requires=["shops", "old"])
