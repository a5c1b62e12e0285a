"""Runs a Chaos Toolkit experiment as `chaos run` would and writes its journal:
`python -m bench.peer EXPERIMENT JOURNAL`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(experiment: str, journal: str) -> int:
    """Returns 0 if the experiment completed."""
    from chaoslib.experiment import ensure_experiment_is_valid, run_experiment  # noqa: PLC0415 - counted from here on
    from chaoslib.loader import load_experiment  # noqa: PLC0415

    loaded = load_experiment(experiment)
    ensure_experiment_is_valid(loaded)
    done = run_experiment(loaded)
    Path(journal).write_text(json.dumps(done, default=str))
    return 0 if done["status"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
