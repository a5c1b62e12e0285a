"""A fleet on this machine: two local accounts in two Regions, home and one member, with roles between them.

Each is a whole local account in a folder of its own. `fleet.yaml` beside the folders is the fleet's file. Home has a user,
`ada`, with the policies of an operator and of the fleet, because on AWS nobody assumes a role as root. The member's stack has
in CloudFormation a name as a StackSet gives it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local import shipped, up
from local.group import Group
from local.up import Account, Identity, LocalAccountError, Progress

FOLDER_NAME = "fleet"
FOLDER = f".local/{FOLDER_NAME}"
HOME, MEMBER = "home", "member"
FLEET_FILE, CALLER_FILE = "fleet.yaml", "caller.json"
USER = "ada"
EXTERNAL_ID = "local-fleet-external-id"
OF_A_STACKSET = "StackSet-Squall-7d3f1c52-52a5-4c8b-9d4f-1d1d6f0d9c11"
"""What CloudFormation calls the member's stack."""
GRANTS = ("viewer", "halt", "operator", "resume", "contact", "results", "campaign")
IDLE_SECONDS = 8
"""So that both accounts together fit into 2 GB. A function that stops faults then starts anew, in less than a second."""
IDENTITIES = {
    HOME: Identity("111111111111", "us-east-1", "AKIASQUALLLOCALHOME0", idle_seconds=IDLE_SECONDS),
    MEMBER: Identity("222222222222", "eu-west-1", "AKIASQUALLLOCALMEMB0", idle_seconds=IDLE_SECONDS),
}


@dataclass(frozen=True)
class LocalFleet:
    """The accounts of a fleet that runs, by name, and its file."""

    accounts: dict[str, Account]
    file: Path


def start_fleet(folder: str | Path = FOLDER, *, on_progress: Progress = lambda _: None) -> LocalFleet:
    """Starts home and the member, deploys Squall into both, and makes the user at home. Can be repeated. If anything fails,
    it leaves nothing running."""
    root = Path(folder).resolve()
    group = _find_group(root)
    try:
        return _start(group, on_progress)
    except BaseException:
        stop_fleet(root)
        raise


def _start(group: Group, on_progress: Progress) -> LocalFleet:
    root, accounts = group.root, group.start_all(on_progress)
    file = root / FLEET_FILE
    _write_new(file, json.dumps(make_fleet(accounts), indent=2))
    made_as = {MEMBER: OF_A_STACKSET}
    own = {HOME: {"campaigns_dir": str(shipped.FLEET_CAMPAIGNS)}}
    deployed = {
        name: group.start_account(
            name, on_progress, {"fleet_file": str(file), "fleet_member": name, **own.get(name, {})}, deploy=True, made_as=made_as.get(name)
        )
        for name in IDENTITIES
    }
    caller = _make_user(deployed[HOME])
    (root / CALLER_FILE).touch(mode=0o600)
    (root / CALLER_FILE).write_text(json.dumps(caller))
    return LocalFleet(deployed, file)


def make_fleet(accounts: dict[str, Account]) -> dict[str, Any]:
    """The content of `fleet.yaml`; JSON is YAML."""
    home, member = (
        {"account": account.account_id, "region": account.region, "stack": account.stack_name, "endpoint_url": account.endpoint}
        for account in (accounts[HOME], accounts[MEMBER])
    )
    granted = {"owner": "sample", "environments": ["staging"], "external_id": EXTERNAL_ID, "grants": list(GRANTS)}
    return {"name": "local", "home": home, "members": {MEMBER: {**member, **granted}}}


def _write_new(path: Path, text: str) -> None:
    """Writes a file only if its text is another: what is synthesized from it depends on its time."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def _make_user(home: Account) -> dict[str, str]:
    """The variables with which `ada` calls home; a new access key each time."""
    iam = home.client("iam")
    try:
        iam.create_user(UserName=USER)
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    for name, arn in home.outputs.items():
        if name == "OperatorPolicyArn" or (name.startswith("Fleet") and name.endswith("PolicyArn")):
            iam.attach_user_policy(UserName=USER, PolicyArn=arn)
    # An operator does not end a halt: in this fleet, the user may at home what the grant `resume` is in the member.
    resume = f"arn:aws:lambda:{home.region}:{home.account_id}:function:{home.outputs['ResumeFunctionName']}"
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resume}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=USER, PolicyName="resume", PolicyDocument=document)
    for old in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=old["AccessKeyId"])
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return {**home.environment(), "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def stop_fleet(folder: str | Path = FOLDER) -> None:
    """Stops both accounts. Raises LocalAccountError if a process survives, after it has tried both."""
    group = _find_group(folder)
    (group.root / CALLER_FILE).unlink(missing_ok=True)
    group.stop()


def read_fleet_status(folder: str | Path = FOLDER) -> dict[str, up.Status]:
    """The state of each account."""
    return _find_group(folder).read_status()


def _find_group(folder: str | Path) -> Group:
    return Group(Path(folder).resolve(), IDENTITIES, lambda account: account.account_id)


def list_fleet_variables(folder: str | Path = FOLDER) -> dict[str, str]:
    """The variables with which the user at home calls AWS. Raises LocalAccountError if the fleet is not up."""
    try:
        variables: dict[str, str] = json.loads((Path(folder).resolve() / CALLER_FILE).read_text())
    except (OSError, ValueError) as error:
        raise LocalAccountError("the local fleet is not up; start it with `make fleet-up`") from error
    return variables
