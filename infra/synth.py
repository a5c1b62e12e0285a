"""Synthesizes offline, without the `cdk` command: `python -m infra.synth --output cdk.out [key=value …]`."""

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
    """Synth failed; the message is the app's own."""


def synthesize_app(output: Path, context: Mapping[str, Any]) -> Path:
    """Writes the cloud assembly for cdk.json's context plus this one, and returns its folder. Raises SynthError."""
    merged = {**read_feature_flags(), **context}
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(merged, default=str),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lambdas")]),
    }
    completed = subprocess.run(
        [sys.executable, str(ROOT / "app.py")], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise SynthError((completed.stderr or completed.stdout).strip())
    return output


def read_feature_flags() -> dict[str, Any]:
    """Reads the context of cdk.json, which only the `cdk` command passes to the app by itself."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return flags


def main() -> None:
    """Synthesizes with the `key=value` arguments as context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "cdk.out")
    parser.add_argument("context", nargs="*", metavar="key=value", type=parse_pair)
    arguments = parser.parse_args()
    try:
        print(synthesize_app(arguments.output.resolve(), dict(arguments.context)))
    except SynthError as error:
        sys.exit(str(error))


def parse_pair(text: str) -> tuple[str, str]:
    """Splits `key=value`. Raises ArgumentTypeError without an equals sign."""
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    return key, value


if __name__ == "__main__":
    main()
