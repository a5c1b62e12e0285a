"""CDK entry point: `cdk` runs this; `python -m infra.synth` does without the CLI."""

import os
import sys

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App

from infra.app import build
from infra.definitions import DefinitionsError
from infra.settings import SettingsError

app = App()
try:
    build(app)
except (DefinitionsError, SettingsError) as error:
    sys.exit(str(error))
app.synth()
