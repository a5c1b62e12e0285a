"""People approve with credentials of their own, by the command; what they did not sign counts for nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from typer.testing import CliRunner

from cli import main
from cli.aws.proof import sign_statement
from cli.aws.stack import Deployment
from cli.doctor import approving
from cli.doctor.finding import Outcome
from squall.domain.approval.identity_proof import Statement
from squall.domain.approval.votes import Decision
from tests.deployed.rig import ROOT, Execution, Rig, latency
from tests.deployed.test_doctor import setting
from tests.patience import LONGEST_TEST, until

pytestmark = [pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]


def policy(rig: Rig) -> str:
    """What the documentation gives an approver, with this stack's names."""
    text = (ROOT / "docs" / "approval.md").read_text()
    (result,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    for name in ("ResultsTableName", "ResultsBucketName", "ApproveFunctionName"):
        result = result.replace(f"<{name}>", rig.account.outputs[name])
    return str(result).replace("stack/Squall/", f"stack/{rig.stack}/")


@pytest.fixture
def people(rig: Rig) -> Iterator[dict[str, Credentials]]:
    """Ada and Bob, who may do what the documentation says and nothing else."""
    iam, made = rig.client("iam"), {}
    for name in ("ada", "bob"):
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="approver", PolicyDocument=policy(rig))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        made[name] = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    yield made
    for name, key in made.items():
        iam.delete_access_key(UserName=name, AccessKeyId=key.access_key)
        iam.delete_user_policy(UserName=name, PolicyName="approver")
        iam.delete_user(UserName=name)


@contextmanager
def tagged(rig: Rig, instance_id: str, environment: str) -> Iterator[None]:
    """The instance is in this environment meanwhile."""
    ec2 = rig.client("ec2")
    ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "squall:environment", "Value": environment}])
    try:
        yield
    finally:
        ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "squall:environment", "Value": "staging"}])


def point_at(rig: Rig, who: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {**rig.account.environment(), "AWS_ACCESS_KEY_ID": who.access_key, "AWS_SECRET_ACCESS_KEY": who.secret_key}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def payload(rig: Rig, run: Execution, who: Credentials, signed: Decision, sent: Decision) -> dict[str, Any]:
    plan = run.record["ask"]["plan"]
    proof = sign_statement(who, rig.account.endpoint, rig.account.region, Statement(run.arn, plan, signed, "yes"))
    return {"execution_id": run.id, "plan": plan, "decision": sent.value, "comment": "yes", "proof": proof}


def test_an_approval_is_what_somebody_else_signed(
    rig: Rig, target: str, people: dict[str, Credentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = people["ada"], people["bob"]
    with tagged(rig, target, "preproduction"):
        run = rig.run(latency(target, environment="preproduction"))
        run.until("approval_requested")
        assert run.record["status"] == "awaiting_approval"
        assert rig.locks() == []
        asking = until(lambda: [m for m in rig.people.look() if f"squall approve {run.id} " in m["Message"]], "people are asked")
        assert "approval needed" in asking[0]["Subject"]

        forged = rig.invoke("Approve", payload(rig, run, Credentials(bob.access_key, "guessed"), Decision.APPROVE, Decision.APPROVE))
        other = rig.invoke("Approve", payload(rig, run, bob, Decision.REJECT, Decision.APPROVE))
        root = rig.invoke(
            "Approve",
            payload(rig, run, Credentials(rig.account.access_key, rig.account.secret_key), Decision.APPROVE, Decision.APPROVE),
        )
        for refused in (forged, other):
            assert (refused["recorded"], "SignatureDoesNotMatch" in refused["message"]) == (False, True), refused
        assert (root["recorded"], "does not identify a person" in root["message"]) == (False, True), root
        assert run.record.get("votes", {}) == {}

        point_at(rig, ada, monkeypatch)
        claim = Deployment(boto3.Session(), rig.stack, rig.account.outputs).vote(
            run.arn, run.id, run.record["ask"]["plan"], Decision.REQUEST, ""
        )
        assert claim["recorded"], claim
        own = CliRunner().invoke(main.squall, ["approve", run.id, "--yes", "--comment", "mine", "--json", "--stack", rig.stack])
        assert (own.exit_code, json.loads(own.stdout)["recorded"]) == (3, False), own.output
        point_at(rig, bob, monkeypatch)
        done = CliRunner().invoke(main.squall, ["approve", run.id, "--yes", "--comment", "agreed", "--stack", rig.stack])
        assert done.exit_code == 0, done.output
        assert target in done.stdout
        assert "user/bob" in run.until("approved")["detail"]
        run.until("locked")
        rig.invoke("Abort", {"execution_id": run.id, "reason": "seen enough", "requested_by": "the test"})
        run.done()
    rig.clean()
    votes = {vote["arn"].rpartition("/")[2]: vote["decision"] for vote in run.result["approval"]["votes"]}
    assert votes == {"ada": "request", "bob": "approve"}


def test_the_doctor_s_vote_goes_round_and_nothing_stays(rig: Rig, people: dict[str, Credentials], monkeypatch: pytest.MonkeyPatch) -> None:
    looked = setting(rig)
    point_at(rig, people["ada"], monkeypatch)
    ada = boto3.Session()
    by_ada = replace(looked, client=lambda service: ada.client("sts") if service == "sts" else rig.client(service))
    result = approving.examine_approval(by_ada, Deployment(ada, rig.stack, rig.account.outputs).vote, "doctor-approval-1")
    assert result.outcome in {Outcome.OK, Outcome.SLOW}, result
    assert "user/ada" in result.detail
    assert rig.items("EXECUTION#doctor-approval-1") == []
