"""The Node on which CDK runs. requirements-dev.txt pins it, and `make setup` installs it into the virtual environment."""

import os
import sys
from pathlib import Path


def path_with_node() -> str:
    """The value of PATH with which a process finds the Node of the virtual environment before the machine's own."""
    return os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)])
