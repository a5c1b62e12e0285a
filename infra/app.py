"""From CDK context to a synthesized app; the same path for the command line, the local account and the tests."""

from aws_cdk import App

from infra import definitions, nag
from infra.settings import Settings, from_context
from infra.stack import SquallStack


def build(app: App) -> SquallStack:
    """The stack that the app's context asks for, under the rules of cdk-nag. Raises SettingsError or DefinitionsError."""
    settings: Settings = from_context(app.node.get_all_context())
    stack = SquallStack(app, settings=settings, definitions=definitions.load(settings.experiments_dir, settings.environments_dir))
    nag.acknowledge(stack)
    nag.check(app)
    return stack
