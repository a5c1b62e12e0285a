"""What the application needs from outside, one small Protocol for each need. Adapters implement them, and so do the
fakes of the tests.

Every method raises `squall.errors.Unavailable` (chaining the SDK's error) if AWS can't be asked or fails for a
technical reason. An expected "no" is a return value, which the method's docstring describes. `ours` means: of this
stack, or of this execution where a holder is given.
"""

from squall.ports.faults import Automations, Commands, Faults
from squall.ports.locks import HaltFlag, Locks, SafetyLever, SeenBySweep
from squall.ports.metrics import Alarms, Metrics, Prober, Probes, Samples, SentinelMetrics, Sentinels
from squall.ports.people import Callers, Notifier
from squall.ports.records import Documents, Findings, History, Records
from squall.ports.workflow import Clock, Lifecycle, Workflow
from squall.ports.workload import Calendars, Deployments, Inventory

__all__ = [
    "Alarms",
    "Automations",
    "Calendars",
    "Callers",
    "Clock",
    "Commands",
    "Deployments",
    "Documents",
    "Faults",
    "Findings",
    "HaltFlag",
    "History",
    "Inventory",
    "Lifecycle",
    "Locks",
    "Metrics",
    "Notifier",
    "Prober",
    "Probes",
    "Records",
    "SafetyLever",
    "Samples",
    "SeenBySweep",
    "SentinelMetrics",
    "Sentinels",
    "Workflow",
]
