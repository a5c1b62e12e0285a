"""Metrics of the CloudWatch agent, if it is installed: memory and disks, for which AWS publishes no metrics itself."""

from squall.domain.judging.fault_signals import SHARE, Signal

NAMESPACE = "CWAgent"
"""The agent's namespace unless its configuration names another one: then its metrics are not found, and fault_signal
can name them."""


def agent_signal(metric_name: str, instance_id: str, *more: tuple[str, str], toward: float, share: float = SHARE) -> Signal:
    """A signal of one instance. The agent adds dimensions as it is configured: image, type, group, device, file
    system."""
    return Signal(
        targets=(instance_id,),
        namespace=NAMESPACE,
        metric_name=metric_name,
        dimensions=(("InstanceId", instance_id), *more),
        partly=True,
        toward=toward,
        share=share,
    )
