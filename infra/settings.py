"""What a user may set without editing code: the CDK context as one validated model.

Every context key written in snake_case is Squall's (`-c stack_name=Prod`, `-c alarm_topic_arns=arn:…,arn:…`);
CDK's own keys hold `:`, `/` or `-`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from infra.account.fleet import HOME, Grant
from infra.account.fleet_member import add_fleet_settings
from infra.account.peers import find_peer_problems
from squall.domain.policy.places import AccountId, ExternalId, StackName

LOG_RETENTIONS = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    5: "FIVE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    120: "FOUR_MONTHS",
    150: "FIVE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    400: "THIRTEEN_MONTHS",
    545: "EIGHTEEN_MONTHS",
    731: "TWO_YEARS",
    1096: "THREE_YEARS",
    1827: "FIVE_YEARS",
    2192: "SIX_YEARS",
    2557: "SEVEN_YEARS",
    2922: "EIGHT_YEARS",
    3288: "NINE_YEARS",
    3653: "TEN_YEARS",
}
"""The retention periods that CloudWatch Logs accepts, in days, with the names of CDK's RetentionDays."""
DEFAULT_RUNTIME = "python3.14"
"""The Lambda runtime that is deployed unless the deployer chooses another, and the one home of its version: the layers
are built and the bytecode is compiled for it, and scripts/setup.sh reads this line to run the tests on it."""
_OWN_KEY = re.compile(r"^[a-z][a-z0-9_]*$")


class SettingsError(Exception):
    """The context is not valid; the message lists every problem."""


def _split_list(value: object) -> object:
    """Splits the `a,b` of a command line; a list from cdk.json stays as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Arn = Annotated[str, Field(pattern=r"^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$")]
Arns = Annotated[tuple[Arn, ...], BeforeValidator(_split_list)]
SubnetId = Annotated[str, Field(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")]
SecurityGroupId = Annotated[str, Field(pattern=r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]
EksNamespaces = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")], ...],
    BeforeValidator(_split_list),
]
Emails = Annotated[tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...], BeforeValidator(_split_list)]


class Settings(BaseModel):
    """The settings of one deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack_name: StackName = "Squall"
    """The name of the CloudFormation stack. Commands find another one with `--stack`."""
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    """The id of the account to deploy into; None: that of the credentials."""
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    """The Region to deploy into; None: that of the credentials."""
    environments_dir: Path = Path("environments")
    """The folder with one policy file per environment, relative to the working directory."""
    experiments_dir: Path = Path("experiments")
    """The folder with one file per deployed experiment, relative to the working directory."""
    campaigns_dir: Path | None = None
    """The folder with one file per campaign. None: `campaigns` beside `experiments_dir`, if it exists."""
    opt_in_tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/=+@-]{1,128}$")] = "squall:environment"
    """The key of the tag that a target needs. Its value is the name of the environment."""
    alarm_topic_arns: Arns = ()
    """The SNS topics that the alarms on Squall itself notify."""
    notification_emails: Emails = ()
    """Addresses that are subscribed to the notification topic. Each has to confirm a mail from AWS."""
    event_bus_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]{1,256}$")] = "default"
    """The existing EventBridge bus that gets the lifecycle events of runs."""
    log_retention_days: int = 90
    """After how many days the logs of functions and state machine expire; a number that CloudWatch Logs accepts."""
    results_retention_days: Annotated[int, Field(ge=1)] | None = None
    """After how many days the documents of runs, the reports and the rows for Athena expire in the bucket. None keeps them
    forever. Published experiments and the items in the table are not affected."""
    keep_results: bool = True
    """Whether the table and the bucket stay when the stack is deleted."""
    termination_protection: bool = False
    """Whether CloudFormation refuses to delete the stack."""
    kms_key_arn: Arn | None = None
    """The key that encrypts the table, the bucket and the topic; None: keys that AWS manages."""
    permissions_boundary_arn: Arn | None = None
    """The permissions boundary of every role that the stack makes."""
    assets_bucket: Annotated[str, Field(pattern=r"^[a-z0-9.-]{3,63}$")] | None = None
    """A bucket of yours that holds the code and the layers, for a deployment with CloudFormation alone: the template names
    it and needs no bootstrapped account, and `make synth` writes the objects to upload."""
    synthesizer: Literal["default", "cli"] = "default"
    """`cli` deploys with the caller's own credentials instead of the bootstrap roles."""
    bootstrap_qualifier: Annotated[str, Field(pattern=r"^[a-z0-9]{1,10}$")] | None = None
    """The qualifier with which the account was bootstrapped for the CDK; None: that of the CDK."""
    lambda_runtime: Annotated[str, Field(pattern=r"^python3\.1[1-9]$")] = DEFAULT_RUNTIME
    """The tests run on the default only."""
    lambda_architecture: Literal["arm64", "x86_64"] = "arm64"
    """The processor of the functions."""
    halt_engages_safety_lever: bool = False
    """Whether `squall halt` engages FIS's safety lever. Off by default: the lever stops the experiments of everybody in
    the account and Region, not only this stack's, and cancels new ones until `squall resume`."""
    sentinel_vpc_id: Annotated[str, Field(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")] | None = None
    """The VPC that the sentinel probes from, for URLs that only this VPC can reach; set `sentinel_subnet_ids` and
    `sentinel_security_group_ids` too. The subnets need a route to DynamoDB, S3, CloudWatch and Step Functions: a NAT
    gateway or VPC endpoints. None: the sentinel probes from outside any VPC."""
    sentinel_subnet_ids: Annotated[tuple[SubnetId, ...], BeforeValidator(_split_list)] = ()
    """The subnets of that VPC in which the sentinel runs."""
    sentinel_security_group_ids: Annotated[tuple[SecurityGroupId, ...], BeforeValidator(_split_list)] = ()
    """The security groups of the sentinel there."""
    eks_namespaces: EksNamespaces = ()
    """The namespaces whose pods may be disturbed, as `<cluster>/<namespace>`. The stack makes access entries with which
    Squall may view them and FIS has a user name there. The clusters' authentication mode must include API, and the
    deploying role needs eks:CreateAccessEntry on them."""
    stop_reserved_concurrency: Annotated[int, Field(ge=0)] | None = None
    """Reserved concurrent executions of each function that stops faults: Abort, Halt and Pulse. Without them, other
    functions of the account can use up its concurrent executions, and an abort waits. `make deploy` asks Lambda and
    reserves two each where the account's limit allows: Lambda keeps 100 unreserved, and a new account may have only 10.
    A number sets them, 0 sets none. Without `make deploy`, only a number reserves any. `squall doctor` says what is so."""

    fleet_home_account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    """In a member of a fleet: the id of the account from which the fleet is commanded. The stack then makes the roles of
    `fleet_grants`, which that account may assume. None: nobody may come from another account."""
    fleet_external_id: ExternalId | None = None
    """In a member of a fleet: what whoever assumes these roles has to name, the same as in `fleet.yaml`."""
    fleet_grants: Annotated[tuple[Grant, ...], BeforeValidator(_split_list), Field(min_length=1)] = ("viewer", "halt")
    """In a member of a fleet: what home may do. `viewer` sees runs, `halt` halts, `operator` starts, aborts and halts,
    `resume` ends a halt, `contact` lets home write its heartbeat, which the `home_deadline` of a policy asks for,
    and `results` lets home copy how runs ended."""
    fleet_file: Path | None = None
    """At the home of a fleet: its file, `fleet.yaml`. The stack then makes the policies that let people assume the members'
    roles. With `fleet_member`, the file of a member's fleet, too."""
    fleet_member: str | None = None
    """Which stack of `fleet_file` this one is: a member's name, or `home`. The file then says `account`, `region`, `stack_name`
    and, of a member, `fleet_home_account`, `fleet_external_id` and `fleet_grants`. None: it is home."""

    peer_regions: Annotated[tuple[str, ...], BeforeValidator(_split_list)] = ()
    """The other Regions whose stacks this one acts with in a run over several Regions: the stack of the same name there, in
    the same account. The stack then says its names in the parameter `/squall/<stack>/names`, where they find them. Each of
    them has to name this Region as well. Needs `region`. None: the stack acts with no other Region, and says nothing."""

    proof_accounts: Annotated[tuple[AccountId, ...], BeforeValidator(_split_list), Field(max_length=50)] = ()
    """Ids of the accounts whose stacks may read which runs validated an experiment here, for the `promotion` of their policies.
    The stack then makes a role for them. None: nobody may."""
    proof_external_id: ExternalId | None = None
    """What whoever assumes that role has to name, the same as in those policies."""

    @property
    def home_file(self) -> Path | None:
        """The file of the fleet whose home this stack is; None if it is no home."""
        return self.fleet_file if self.fleet_member in {None, HOME} else None

    @property
    def campaigns_folder(self) -> Path:
        """The folder of the campaigns, which may be missing."""
        return self.campaigns_dir or self.experiments_dir.parent / "campaigns"

    @model_validator(mode="before")
    @classmethod
    def _read_fleet_file(cls, given: Any) -> Any:
        return add_fleet_settings(given)

    @model_validator(mode="after")
    def _check_network(self) -> Self:
        present = (self.sentinel_vpc_id is not None, bool(self.sentinel_subnet_ids), bool(self.sentinel_security_group_ids))
        if any(present) and not all(present):
            raise ValueError("sentinel_vpc_id, sentinel_subnet_ids and sentinel_security_group_ids go together: all or none")
        return self

    @model_validator(mode="after")
    def _check_fleet(self) -> Self:
        if (self.fleet_home_account is None) != (self.fleet_external_id is None):
            raise ValueError("fleet_home_account and fleet_external_id go together: both or none")
        if bool(self.proof_accounts) != (self.proof_external_id is not None):
            raise ValueError("proof_accounts and proof_external_id go together: both or none")
        if self.fleet_home_account is None and "fleet_grants" in self.model_fields_set:
            raise ValueError("fleet_grants grants nothing without fleet_home_account")
        return self

    @field_validator("fleet_file")
    @classmethod
    def _resolve_fleet_file(cls, path: Path | None) -> Path | None:
        if path is not None and not path.resolve().is_file():
            raise ValueError(f"no such file: {path.resolve()}")
        return path.resolve() if path else None

    @field_validator("fleet_grants")
    @classmethod
    def _check_grants(cls, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        if len(set(grants)) < len(grants):
            raise ValueError("a grant is given twice")
        return grants

    @field_validator("peer_regions")
    @classmethod
    def _check_peer_regions(cls, peers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        problems = list(find_peer_problems(peers, info.data)) if peers else []
        if problems:
            raise ValueError("; ".join(problems))
        return peers

    @field_validator("stop_reserved_concurrency")
    @classmethod
    def _check_reserved(cls, number: int | None) -> int | None:
        if number == 1:
            raise ValueError("one is too few, because two alarms may fire at the same time: 2 or more, or 0 for none")
        return number

    @field_validator("log_retention_days")
    @classmethod
    def _check_retention(cls, days: int) -> int:
        if days not in LOG_RETENTIONS:
            raise ValueError(f"CloudWatch Logs keeps logs for one of {', '.join(map(str, LOG_RETENTIONS))} days")
        return days

    @field_validator("environments_dir", "experiments_dir", "campaigns_dir")
    @classmethod
    def _resolve_folder(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        folder = path.resolve()
        if not folder.is_dir():
            raise ValueError(f"no such folder: {folder}")
        return folder


def read_context(context: Mapping[str, Any]) -> Settings:
    """Reads the settings from the CDK context. Raises SettingsError with every problem at once."""
    own_keys = {key: value for key, value in context.items() if _OWN_KEY.match(key)}
    try:
        return Settings.model_validate(own_keys)
    except ValidationError as error:
        raise SettingsError("The context is not valid:\n" + "\n".join(_describe_problems(error))) from error


def _describe_problems(error: ValidationError) -> list[str]:
    known = ", ".join(sorted(Settings.model_fields))
    lines = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            lines.append(f"  {key}: no such setting; known are {known}")
        else:
            lines.append(f"  {key}: {detail['msg']} (found {detail['input']!r})")
    return lines
