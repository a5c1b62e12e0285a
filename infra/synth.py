"""Synthesizes offline, without the `cdk` command: `python -m infra.synth --output cdk.out [key=value …]`."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.package import describe_package, package_assembly
from infra.places import ROOT, read_feature_flags
from infra.settings import SettingsError, read_context


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


def main() -> None:
    """Synthesizes with the `key=value` arguments as context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "cdk.out")
    parser.add_argument("context", nargs="*", metavar="key=value", type=parse_pair)
    arguments = parser.parse_args()
    try:
        context = dict(arguments.context)
        assembly = synthesize_app(arguments.output.resolve(), context)
        settings = read_context({**read_feature_flags(), **context})
        print(assembly if settings.assets_bucket is None else describe_package(package_assembly(assembly, settings), settings))
    except (SettingsError, SynthError) as error:
        sys.exit(str(error))


def parse_pair(text: str) -> tuple[str, str]:
    """Splits `key=value`. Raises ArgumentTypeError without an equals sign."""
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    return key, value


if __name__ == "__main__":
    main()
