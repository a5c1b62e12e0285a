"""What a function may do in the Regions of a run over several Regions: one capability for each method of the port."""

from aws_cdk.aws_iam import PolicyStatement

OVER_REGIONS = ("read_parts", "read_decisions", "ask_home", "start_parts", "abort_parts", "wake_parts", "write_decisions")


def allow_regions() -> dict[str, list[PolicyStatement]]:
    """Nothing yet: no stack acts with a stack of another Region."""
    return {capability: [] for capability in OVER_REGIONS}
