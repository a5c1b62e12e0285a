"""Builds the app from the CDK context; the command line, the local account and the tests all use it."""

from aws_cdk import App

from infra import nag
from infra.definitions import load_definitions
from infra.settings import read_context
from infra.stack import SquallStack


def build_stack(app: App) -> SquallStack:
    """Makes the stack of the app's context, with the rules of cdk-nag. Raises SettingsError or DefinitionsError."""
    settings = read_context(app.node.get_all_context())
    definitions = load_definitions(settings.experiments_dir, settings.environments_dir, settings.campaigns_folder, settings.home_file)
    stack = SquallStack(app, settings=settings, definitions=definitions)
    nag.acknowledge_findings(stack)
    nag.add_rules(app)
    return stack
