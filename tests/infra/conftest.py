"""One synthesized template for most tests: making it takes seconds, reading it nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from infra.definitions import load_definitions
from infra.places import read_feature_flags
from infra.settings import read_context
from infra.stack import SquallStack
from tests.infra.template import Resources

DEFINITIONS = Path(__file__).parent / "definitions"
CONTEXT = {
    "account": "123456789012",
    "region": "eu-central-1",
    "environments_dir": str(DEFINITIONS / "environments"),
    "experiments_dir": str(DEFINITIONS / "experiments"),
}


def make(outdir: Path, **context: object) -> Resources:
    """The template for this context, without cdk-nag (one test runs the whole app under it)."""
    settings = read_context({**CONTEXT, **context})
    app = App(outdir=str(outdir), context=read_feature_flags())
    definitions = load_definitions(
        settings.experiments_dir, settings.environments_dir, settings.campaigns_dir, fleet_file=settings.home_file
    )
    stack = SquallStack(app, settings=settings, definitions=definitions)
    return Resources(dict(Template.from_stack(stack).to_json()))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    return make(tmp_path_factory.mktemp("cdk"))


@pytest.fixture
def synthesize(tmp_path: Path) -> Callable[..., Resources]:
    return lambda **context: make(tmp_path, **context)
