"""Which stack of CloudFormation a stack of Squall is."""


def stack_parameter(stack: str) -> str:
    """The name of the parameter with the ARN of the CloudFormation stack.

    All resources have the name of the setting `stack_name`. CloudFormation's own stack has another one where a StackSet
    made it: `StackSet-<name>-<id>`.
    """
    return f"/squall/{stack}/stack"
