"""What may run at all: everything that can be said of an experiment without asking AWS, every problem at once.

Admission refuses what can't be understood, judged or guarded. Whether it is allowed now (blast radius, hours, targets, capacity) are
safety checks, evaluated later and recorded.
"""

from squall.admission.admitting import admit, adopted, apply_overrides, notes, trigger_key
from squall.admission.experiments import parse_environment, parse_experiment

__all__ = ["admit", "adopted", "apply_overrides", "notes", "parse_environment", "parse_experiment", "trigger_key"]
