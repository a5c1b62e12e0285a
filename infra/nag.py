"""cdk-nag's AwsSolutions rules over the whole app; every finding we keep is here with its reason."""

from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct


def check(app: App) -> None:
    """Makes synth fail on any finding that is not acknowledged below."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(scope: IConstruct) -> None:
    """Accepts the known findings of a stack."""
    Validations.of(scope).acknowledge(*(Acknowledgment(id=rule, reason=reason) for rule, reason in ACCEPTED.items()))


ACCEPTED: dict[str, str] = {}
