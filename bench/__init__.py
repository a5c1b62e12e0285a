"""Measurements that are told, never asserted: what Squall costs in time and transitions, side by side in one run."""
