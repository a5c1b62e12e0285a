"""A scan of a generated account, from AWS's answers to the posture."""

from __future__ import annotations

from pathlib import Path

from discovery.account import AwsAccount
from discovery.analysis.services import find_services
from discovery.inventory import Inventory
from discovery.journal import Journal
from discovery.measure import measure_services
from discovery.posture import Posture, ServicePosture, build_posture
from discovery.proposals.propose import Proposal
from discovery.scan import Scope, scan_account
from tests.discovery.answers import ACCOUNT, REGION, Session
from tests.discovery.shop import NOW

SCOPE = Scope(ACCOUNT, REGION, NOW)


def scan(session: Session, folder: Path) -> tuple[AwsAccount, Inventory]:
    journal = Journal(folder / "scan.jsonl", "test", now=NOW.timestamp)
    account = AwsAccount(session.client, journal)
    return account, scan_account(account, journal, SCOPE, lambda title, count: None)


def look(session: Session, folder: Path, environment: str = "staging") -> Posture:
    account, inventory = scan(session, folder)
    levels = measure_services(account, inventory, find_services(inventory))
    return build_posture(inventory.model_copy(update={"gaps": account.gaps}), levels, environment)


def service_of(posture: Posture, id: str) -> ServicePosture:  # noqa: A002 - the field's name
    return next(service for service in posture.services if service.service.id == id)


def proposals_of(posture: Posture, id: str) -> list[Proposal]:  # noqa: A002
    return [proposal for proposal in posture.proposals if proposal.service == id]
