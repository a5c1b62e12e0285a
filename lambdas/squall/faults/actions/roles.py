"""FIS actions on IAM roles: AWS answers a share of the calls that anything makes with the role with an error. No call shows
them, and nothing bounds them but the role: the environment's policy lists the roles."""

from collections.abc import Iterable

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.policy.roles import find_untouchable
from squall.domain.resources.described import DescribedResource
from squall.domain.resources.types import join_ids
from squall.faults.actions.described import DescribedFault
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.grants import API_FAULT_ROLES, FaultGrant, format_arn, grant_injection


class RoleFault(DescribedFault):
    """Calls with a role fail. FIS's role may inject that into the roles of the policy alone; they need the environment's tag
    all the same, which Squall compares."""

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        roles = injection.targets
        taboo = [f"{role.id} {reason}" for role in roles if (reason := find_untouchable(role.arn))]
        yield check_targets("not_aws_own", roles, taboo, "; ".join(taboo), "no role belongs to a service of AWS or to IAM Identity Center")
        if roles:
            shared = f"everything that uses {join_ids(roles)} is hit, also what Squall does not know of"
            yield SafetyCheck(name="shared_by_all_users", outcome=CheckOutcome.WARNED, detail=shared)


class ApiError(RoleFault):
    """A share of the calls of the `operations` of EC2 or Kinesis fails."""

    def grants(self) -> tuple[Grant, ...]:
        conditions = {"ForAllValues:StringEquals": {"fis:Targets": [API_FAULT_ROLES]}, "Null": {"fis:Targets": "false"}}
        experiments = (format_arn("fis", "experiment/*"),)
        return (FaultGrant(actions=self.permissions, resources=experiments, tagged=False, conditions=conditions),)

    def describe(self, parameters: Model, /) -> str:
        values = parameters.model_dump()
        calls = f"{values['percentage']} % of {values['service']} {values['operations']}"
        return f"{super().describe(parameters)}, for everything that uses it: {calls}"


class ApiInternalError(ApiError):
    """`aws:fis:inject-api-internal-error`: a share of the calls to EC2 or Kinesis that anything makes with the role is answered
    with an internal error."""

    type = FaultType.API_INTERNAL_ERROR
    verb = "answered with internal errors the calls of"


class ApiThrottleError(ApiError):
    """`aws:fis:inject-api-throttle-error`: a share of the calls to EC2 or Kinesis that anything makes with the role is
    throttled."""

    type = FaultType.API_THROTTLE_ERROR
    verb = "throttled the calls of"


class ApiUnavailableError(ApiError):
    """`aws:fis:inject-api-unavailable-error`: a share of the calls to EC2 or Kinesis that anything makes with the role is
    answered as if the service were unavailable."""

    type = FaultType.API_UNAVAILABLE_ERROR
    verb = "answered as unavailable the calls of"


class ApiNoCapacity(RoleFault):
    """`aws:ec2:api-insufficient-instance-capacity-error`: a share of the role's RunInstances, StartInstances, CreateFleet and
    CreateCapacityReservation finds no capacity in the zones. Calls that ask for several zones are not hit."""

    type = FaultType.API_NO_CAPACITY
    verb = "refused capacity to"

    def grants(self) -> tuple[Grant, ...]:
        return (grant_injection(self.permissions[0], self.type.value, API_FAULT_ROLES),)

    def describe(self, parameters: Model, /) -> str:
        values = parameters.model_dump()
        calls = f"{values['percentage']} % in {values['availabilityZoneIdentifiers']}"
        return f"{super().describe(parameters)}, for everything that uses it: {calls}"
