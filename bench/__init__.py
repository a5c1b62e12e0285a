"""Measurements of what Squall costs in time and transitions. No test asserts the figures."""
