from core import Project

project = Project("demo", requires=["shop"])
