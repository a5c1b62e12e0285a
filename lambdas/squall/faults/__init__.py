"""Fault types: one module each, declaring everything about it; adding one edits nothing but the registry."""
