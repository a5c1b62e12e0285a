"""The CDK app. The `cdk` command runs it, and `python -m infra.synth` runs it without that command."""

import os
import sys

from infra.node import path_with_node

os.environ["PATH"] = path_with_node()  # importing aws_cdk starts Node

from aws_cdk import App

from infra.app import build_stack
from infra.definitions import DefinitionsError
from infra.settings import SettingsError

app = App()
try:
    build_stack(app)
except (DefinitionsError, SettingsError) as error:
    sys.exit(str(error))
app.synth()
