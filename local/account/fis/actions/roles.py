"""Lets a share of the calls fail that anything makes with a role."""

import uuid
from typing import ClassVar

from ministack.core.responses import get_account_id, get_region

from local.account.fis import role_errors
from local.account.fis.actions.base import Action
from local.account.fis.targets import ROLE


class _RoleErrors(Action):
    target_key = "Roles"
    resource_type = ROLE

    def begin_errors(self, kind: str, service: str, operations: frozenset[str], zones: frozenset[str] = frozenset()) -> None:
        self.id = str(uuid.uuid4())
        roles = frozenset(role.arn for role in self.resources)
        percent = float(self.values.get("percentage") or 100)
        role_errors.injected.begin(self.id, role_errors.Errors(kind, service, roles, operations, percent, zones))

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        role_errors.injected.end(self.id)


class _ApiErrors(_RoleErrors):
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "service": True, "percentage": True, "operations": True}
    kind: ClassVar[str]

    def start(self) -> None:
        service, operations = self.values["service"], self.values["operations"].split(",")
        if service not in role_errors.SERVICES:
            raise self.fail("InvalidParameter", f"service is {service}, not ec2 or kinesis")
        experiment = f"arn:aws:fis:{get_region()}:{get_account_id()}:experiment/*"
        context = {
            "fis:Service": service,
            "fis:Operations": operations,
            "fis:Percentage": self.values["percentage"],
            "fis:Targets": [role.arn for role in self.resources],
        }
        self.authorize(f"fis:InjectApi{self.kind.capitalize()}Error", experiment, {}, context)
        self.begin_errors(self.kind, service, frozenset(operations))


class InternalError(_ApiErrors):
    action_id = "aws:fis:inject-api-internal-error"
    description = "Inject Internal Errors into requests made by the target IAM roles."
    kind = role_errors.INTERNAL


class ThrottleError(_ApiErrors):
    action_id = "aws:fis:inject-api-throttle-error"
    description = "Inject Throttling errors into requests made by the target IAM roles."
    kind = role_errors.THROTTLE


class UnavailableError(_ApiErrors):
    action_id = "aws:fis:inject-api-unavailable-error"
    description = "Inject Unavailable errors into requests made by the target IAM roles."
    kind = role_errors.UNAVAILABLE


class NoCapacity(_RoleErrors):
    action_id = "aws:ec2:api-insufficient-instance-capacity-error"
    description = "Inject InsufficientInstanceCapacity responses into requests made by the target IAM roles."
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "availabilityZoneIdentifiers": True, "percentage": False}

    def start(self) -> None:
        context = {"ec2:FisActionId": self.action_id, "ec2:FisTargetArns": [role.arn for role in self.resources]}
        self.authorize("ec2:InjectApiError", "*", {}, context)
        zones = frozenset(self.values["availabilityZoneIdentifiers"].split(","))
        self.begin_errors(role_errors.CAPACITY, "ec2", role_errors.LAUNCHES, zones)
