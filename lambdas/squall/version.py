"""Squall's version, and its only home: the wheel, the stack's output and `squall --version` take it from here."""

VERSION = "0.1.0"
