"""The definitions with which the local account's stack is deployed."""

from pathlib import Path

POLICIES = Path(__file__).resolve().parent / "environments"
EXPERIMENTS = Path(__file__).resolve().parent / "experiments"
CAMPAIGNS = Path(__file__).resolve().parent / "campaigns"
FLEET_CAMPAIGNS = Path(__file__).resolve().parent / "fleet_campaigns"
"""Those of the local fleet's home."""
