"""Experiments of Chaos Toolkit: their probes become a sentinel, criteria and metrics, their actions a FIS template."""
