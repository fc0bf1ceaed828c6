"""`generic`: the controllers most applications need. A project like any other, loaded beside every root."""

from core import Project

project = Project("generic")
