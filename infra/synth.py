"""Synthesizes without the CDK command line, offline: `python -m infra.synth --output cdk.out [key=value …]`."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.settings import ROOT


class SynthError(Exception):
    """Synth failed; the message is what the app said."""


def synth(output: Path, context: Mapping[str, Any]) -> Path:
    """Writes the cloud assembly for this context (on top of cdk.json's) and returns its folder."""
    merged = {**feature_flags(), **context}
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(merged, default=str),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambdas")]),
    }
    done = subprocess.run([sys.executable, str(ROOT / "app.py")], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SynthError((done.stderr or done.stdout).strip())
    return output


def feature_flags() -> dict[str, Any]:
    """The context of cdk.json, which an app made outside the CLI does not read."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags


def main() -> None:
    """Synthesizes with `key=value` arguments as context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "cdk.out")
    parser.add_argument("context", nargs="*", metavar="key=value", type=_pair)
    arguments = parser.parse_args()
    try:
        print(synth(arguments.output.resolve(), dict(arguments.context)))
    except SynthError as error:
        sys.exit(str(error))


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    return key, value


if __name__ == "__main__":
    main()
