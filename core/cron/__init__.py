"""Timed work: schedules, plans, the claims in MongoDB and the worker that runs jobs."""
