"""What an action of a FIS template names that is another one here: the document of another place, the service account of others."""

from collections.abc import Iterator, Mapping
from typing import Any

from squall.domain.base.problems import Problem, show_value
from squall.domain.documents.definition import Definition
from squall.domain.policy.custom_actions import AUTOMATION, SEND
from squall.faults.adoption.entries import choose_entry

ACCOUNT = "kubernetesServiceAccount"


def find_place_problem(definition: Definition, action: Mapping[str, Any]) -> Problem | None:
    """Why the document of this action is none that runs here: it is of another Region, or of another account whose document no
    entry lists. The path is below the action; for a document of AWS's what is expected is the ARN of the same one here."""
    parts = str(action.get("parameters", {}).get("documentArn", "")).split(":", 5)
    if action.get("actionId") not in {SEND, AUTOMATION} or len(parts) < 6:
        return None
    partition, region, account = parts[1], parts[3], parts[4]
    here = definition.partition, definition.region
    if (partition, region) == here and (account in {"", definition.account} or choose_entry(definition, action, {}) is not None):
        return None
    where = f"the account {account}" if (partition, region) == here else f"the Region {region}"
    expected = (
        f"a document of {definition.account} in {definition.region}, or an entry of the policy's custom_actions with the ARN of this one"
        if account
        else ":".join([parts[0], *here[:1], parts[2], here[1], "", parts[5]])
    )
    return Problem(path="parameters.documentArn", message=f"is a document of {where}", expected=expected)


def find_other_place(definition: Definition, action: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that the action names and that is another one here. The paths are below the action."""
    yield from (found for find in (find_place_problem, _find_account_problem) if (found := find(definition, action)) is not None)


def _find_account_problem(definition: Definition, action: Mapping[str, Any]) -> Problem | None:
    """Why FIS would act on the pods as somebody else than the template says. The path is below the action."""
    given, ours = action.get("parameters", {}).get(ACCOUNT), definition.environment.eks_service_account
    if given in (None, "", ours):
        return None
    own = f"Squall acts as {ours}, which the policy names" if ours else f"{definition.environment.name}'s policy names none"
    message = f"FIS would act as the service account {show_value(given)}; {own}"
    return Problem(path=f"parameters.{ACCOUNT}", message=message, expected=ours or f"eks_service_account: {given} in the policy")
