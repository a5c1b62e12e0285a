"""The stacks of a fleet, entered from home: its own with the caller's credentials, the others by roles of their accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
from botocore import exceptions
from botocore.credentials import DeferredRefreshableCredentials
from botocore.session import get_session

from cli.aws.calls import explain_failures, make_client
from cli.aws.stack import Deployment
from cli.errors import CommandError
from cli.exits import Exit
from infra.account.fleet import HOME

if TYPE_CHECKING:
    from infra.account.fleet import Fleet, Grant, Member
    from squall.domain.policy.places import Place

_NO_ANSWER = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ReadTimeoutError,
    exceptions.ConnectionClosedError,
)
_NOT_IN_A_SESSION_NAME = re.compile(r"[^A-Za-z0-9_+=,.@-]")


class MemberSession:
    """What a deployment needs of a boto3 session, with the address of the member's services."""

    def __init__(self, session: Any, endpoint_url: str | None) -> None:
        self._session, self._endpoint_url = session, endpoint_url
        self.region_name: str = session.region_name

    def client(self, service: str, **options: Any) -> Any:
        return self._session.client(service, **({"endpoint_url": self._endpoint_url} if self._endpoint_url else {}), **options)

    def get_credentials(self) -> Any:
        return self._session.get_credentials()


class FleetDoor:
    """Enters the stacks of one fleet. Its methods raise CommandError, and may be called in several threads."""

    def __init__(self, fleet: Fleet) -> None:
        """Reads the caller's credentials, once: sessions are not for several threads."""
        self._fleet = fleet
        with explain_failures(local_hint=False, first=True):
            credentials = boto3.Session(region_name=fleet.home.region).get_credentials()
            if credentials is None:
                raise exceptions.NoCredentialsError
            self._keys = credentials.get_frozen_credentials()

    def caller(self) -> str:
        """The ARN of whoever calls, from STS in home's Region."""
        with explain_failures(local_hint=False, first=True):
            return str(make_client(self._home_session(self._fleet.home.region), "sts").get_caller_identity()["Arn"])

    def enter(self, name: str, grant: Grant, caller: str) -> Deployment:
        """The stack of a member, or of home, in the role of a grant."""
        if name == HOME:
            return self._enter_home()
        member = self._fleet.members[name]
        return self.enter_by_role(name, grant, caller, member.external_id)

    def enter_by_role(self, name: str, grant: Grant, caller: str, external_id: str) -> Deployment:
        """The stack of a member, with an external id that may be another than the file's."""
        member = self._fleet.members[name]
        if grant not in member.grants:
            message = f"The fleet's file says that {name} does not grant home {grant!r}: {', '.join(member.grants)}."
            raise CommandError(message, "The member's setting fleet_grants decides; the file repeats it.", code=Exit.REFUSED)
        core = get_session()
        core.set_config_variable("region", member.region)
        # Fetched anew shortly before they expire: a followed run may take longer than the hour of an assumed role.
        core._credentials = DeferredRefreshableCredentials(  # noqa: SLF001 - botocore has no public way
            refresh_using=lambda: self._assume_role(member, grant, caller, external_id), method="assume-role"
        )
        session = MemberSession(boto3.Session(botocore_session=core, region_name=member.region), member.endpoint_url)
        return Deployment.find(member.stack, session=session)

    def _enter_home(self) -> Deployment:
        """Home's stack, if it is of home's account: wrong credentials could find a stack of the same name elsewhere."""
        home = self._fleet.home
        deployment = Deployment.find(home.stack, session=self._home_session(home.region))
        account = deployment.machine_arn.split(":")[4]
        if account != home.account:
            message = f"These credentials are of account {account}, and the fleet's home is {home.account}."
            raise CommandError(message, "Use credentials of home's account.", code=Exit.REFUSED)
        return deployment

    def _home_session(self, region: str) -> MemberSession:
        keys = self._keys
        session = boto3.Session(
            aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key, aws_session_token=keys.token, region_name=region
        )
        return MemberSession(session, self._fleet.home.endpoint_url)

    def _assume_role(self, member: Member, grant: Grant, caller: str, external_id: str) -> dict[str, str]:
        """Credentials of the role, from STS in home's Region, or if that does not answer, in the member's: a dead Region of
        home keeps nobody from halting the others."""
        request = {"RoleArn": member.role_arn(grant), "RoleSessionName": name_session(caller), "ExternalId": external_id}
        regions = list(dict.fromkeys((self._fleet.home.region, member.region)))
        for region in regions:
            try:
                answer = make_client(self._home_session(region), "sts").assume_role(**request)["Credentials"]
            except _NO_ANSWER:
                if region == regions[-1]:
                    raise
            else:
                break
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }


def name_session(caller: str) -> str:
    """The session's name in the member: who came, as the member's CloudTrail and records show it."""
    return _NOT_IN_A_SESSION_NAME.sub("-", f"squall-{caller.rpartition('/')[2] or 'fleet'}")[:64]


def list_places(fleet: Fleet) -> dict[str, Place]:
    """The stacks of a fleet by name, home first."""
    return {HOME: fleet.home, **fleet.members}
