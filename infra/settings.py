"""What a user may decide without editing code: the CDK context, as one checked model.

Every context key written in snake_case is Squall's (`-c stack_name=Prod`, `-c alarm_topic_arns=arn:…,arn:…`);
CDK's own keys hold `:`, `/` or `-`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

ROOT = Path(__file__).resolve().parent.parent
# The periods CloudWatch Logs knows.
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
# The newest Python runtime of Lambda that CDK knows.
CURRENT_RUNTIME = "python3.14"
_OWN_KEY = re.compile(r"^[a-z][a-z0-9_]*$")


class SettingsError(Exception):
    """The context is wrong; the message lists everything that is."""


def _listed(value: object) -> object:
    """`a,b` from the command line, a list from cdk.json."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Arn = Annotated[str, Field(pattern=r"^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$")]
Arns = Annotated[tuple[Arn, ...], BeforeValidator(_listed)]
SubnetId = Annotated[str, Field(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")]
SecurityGroupId = Annotated[str, Field(pattern=r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")]
EksNamespaces = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")], ...],
    BeforeValidator(_listed),
]
Emails = Annotated[tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...], BeforeValidator(_listed)]


class Settings(BaseModel):
    """Settings of one deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack_name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,39}$")] = "Squall"
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    environments_dir: Path = Path("environments")
    """Policies, one YAML an environment; relative to the repository."""
    experiments_dir: Path = Path("experiments")
    opt_in_tag: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/=+@-]{1,128}$")] = "squall:environment"
    alarm_topic_arns: Arns = ()
    """Where the alarms on Squall itself go."""
    notification_emails: Emails = ()
    event_bus_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]{1,256}$")] = "default"
    log_retention_days: int = 90
    results_retention_days: Annotated[int, Field(ge=1)] | None = None
    """Results are kept for ever unless this says how long."""
    keep_results: bool = True
    """Whether table and bucket outlive the stack."""
    termination_protection: bool = False
    kms_key_arn: Arn | None = None
    """Encrypts table, bucket, topic and queues; otherwise AWS's own keys do."""
    permissions_boundary_arn: Arn | None = None
    synthesizer: Literal["default", "cli"] = "default"
    """`cli`: deploy with the caller's own credentials instead of the bootstrap roles."""
    bootstrap_qualifier: Annotated[str, Field(pattern=r"^[a-z0-9]{1,10}$")] | None = None
    lambda_runtime: Annotated[str, Field(pattern=r"^python3\.1[1-9]$")] = CURRENT_RUNTIME
    lambda_architecture: Literal["arm64", "x86_64"] = "arm64"
    halt_engages_safety_lever: bool = False
    """Whether `squall halt` engages FIS's safety lever. Off by default: it stops the experiments of everybody in the account and Region,
    not only this stack's, and cancels theirs until `squall resume`."""
    sentinel_vpc_id: Annotated[str, Field(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$")] | None = None
    """The VPC the sentinel probes from, for URLs only it can reach; with `sentinel_subnet_ids` and `sentinel_security_group_ids`. The
    subnets need a way to DynamoDB, S3, CloudWatch and Step Functions: a NAT gateway, or endpoints. None: from outside."""
    sentinel_subnet_ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")], ...], BeforeValidator(_listed)
    ] = ()
    sentinel_security_group_ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")], ...], BeforeValidator(_listed)
    ] = ()
    eks_namespaces: EksNamespaces = ()
    """Where pods may be disturbed, as `<cluster>/<namespace>`: the stack makes the access entries that let Squall look there and FIS be
    known there. The clusters' authentication mode must include API; whoever deploys needs eks:CreateAccessEntry on them."""
    abort_reserved_concurrency: Annotated[int, Field(ge=1)] | None = None
    """Off by default: a new account may have only 10 concurrent executions, none of which can be reserved."""

    @model_validator(mode="after")
    def _network(self) -> Self:
        given = (self.sentinel_vpc_id is not None, bool(self.sentinel_subnet_ids), bool(self.sentinel_security_group_ids))
        if any(given) and not all(given):
            raise ValueError("sentinel_vpc_id, sentinel_subnet_ids and sentinel_security_group_ids go together: all or none")
        return self

    @field_validator("stack_name")
    @classmethod
    def _own_alarms_stay_apart(cls, name: str) -> str:
        if name.lower().startswith("squall-"):
            raise ValueError("may not begin with 'squall-': guard alarms of other stacks are recognized by that prefix")
        return name

    @field_validator("log_retention_days")
    @classmethod
    def _known_retention(cls, days: int) -> int:
        if days not in LOG_RETENTION_DAYS:
            raise ValueError(f"CloudWatch Logs keeps logs for one of {', '.join(map(str, LOG_RETENTION_DAYS))} days")
        return days

    @field_validator("environments_dir", "experiments_dir")
    @classmethod
    def _folder(cls, path: Path) -> Path:
        folder = ROOT / path
        if not folder.is_dir():
            raise ValueError(f"no such folder: {folder}")
        return folder


def from_context(context: Mapping[str, Any]) -> Settings:
    """Settings from CDK context; raises SettingsError with every problem at once."""
    own = {key: value for key, value in context.items() if _OWN_KEY.match(key)}
    try:
        return Settings.model_validate(own)
    except ValidationError as error:
        raise SettingsError("The context is not valid:\n" + "\n".join(_sentences(error))) from error


def _sentences(error: ValidationError) -> list[str]:
    known = ", ".join(sorted(Settings.model_fields))
    lines = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            lines.append(f"  {key}: no such setting; known are {known}")
        else:
            lines.append(f"  {key}: {detail['msg']} (found {detail['input']!r})")
    return lines
