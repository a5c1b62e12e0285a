"""The safety checks, one function over what could be observed, in modules by what they look at."""

from squall.domain.safety.evaluate import evaluate
from squall.domain.safety.inputs import SafetyInput

__all__ = ["SafetyInput", "evaluate"]
