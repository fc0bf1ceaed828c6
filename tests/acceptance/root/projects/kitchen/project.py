"""A project that uses every part of the author's contract once, for the tests of the chain."""

from core import Project

project = Project("kitchen")
