"""Chaos Toolkit beside Squall: its experiment, and what runs it."""
