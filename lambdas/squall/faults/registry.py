"""The fault types this Squall can inject."""

from squall.domain.vocabulary import FaultType
from squall.faults.base import Fault


class UnknownFault(KeyError):
    """No module injects this fault type."""


def available() -> tuple[FaultType, ...]:
    raise NotImplementedError


def get(fault_type: FaultType) -> Fault:
    raise NotImplementedError
