"""Metrics of the CloudWatch agent, where somebody has installed it: memory and disks, of which AWS itself knows nothing."""

from squall.domain.judging.fault_signals import SHARE, Signal

NAMESPACE = "CWAgent"
"""Unless the agent's configuration names another one: then its metrics aren't found, and fault_signal can name them."""


def agents(metric_name: str, instance_id: str, *more: tuple[str, str], toward: float, share: float = SHARE) -> Signal:
    """A signal of one instance. The agent adds dimensions as it is configured: image, type, group, device, file system."""
    return Signal(
        targets=(instance_id,),
        namespace=NAMESPACE,
        metric_name=metric_name,
        dimensions=(("InstanceId", instance_id), *more),
        partly=True,
        toward=toward,
        share=share,
    )
