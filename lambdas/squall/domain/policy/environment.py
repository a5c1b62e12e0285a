"""The policy of an environment. It is deployed, and never part of an execution's input."""

from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from squall.domain.base.durations import Span, Timezone, validation_error
from squall.domain.base.model import Model, Number
from squall.domain.base.problems import ENVIRONMENT_NAME, require_pattern
from squall.domain.base.vocabulary import FIS_ACTION, BlastRadius, FaultType, Risk
from squall.domain.policy.chaos_mesh import ChaosNamespaces
from squall.domain.policy.custom_actions import CUSTOM_NAME, CustomAction
from squall.domain.policy.promotion import Promotion
from squall.domain.policy.roles import RoleArn, refuse_acting
from squall.domain.policy.rollback import ROLLBACK_NAME, RollbackDocument
from squall.domain.sentinel.config import SentinelPolicy

Seconds = Annotated[int, Field(ge=0, le=43_200, strict=True)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Days = Annotated[tuple[Day, ...], Field(min_length=1)]
ClockTime = Annotated[str, require_pattern(r"^([01]\d|2[0-3]):[0-5]\d$", "a time of day, such as 09:30, in quotes")]
EndTime = Annotated[str, require_pattern(r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", "a time of day, such as 17:30 or 24:00, in quotes")]
Line = require_pattern(r"^[^\x00-\x1f\x7f]+$", "text on one line")
AlarmName = Annotated[str, Field(min_length=1, max_length=255), Line]
PipelineName = Annotated[str, Field(max_length=100), require_pattern(r"^[A-Za-z0-9.@_-]+$", "the name of a pipeline")]
DeploymentGroup = Annotated[str, Field(max_length=201), require_pattern(r"^[^/\s]+/[^/\s]+$", "application/deployment-group")]
Response = Literal["refuse", "warn"]
CalendarName = Annotated[
    str, Field(min_length=3, max_length=300), require_pattern(r"^[A-Za-z0-9_.:/-]+$", "the name or ARN of a Change Calendar")
]


KUBERNETES_NAME = require_pattern(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "the name of a Kubernetes service account")
S3Folder = Annotated[
    str,
    Field(max_length=1100),
    require_pattern(r"^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9_./-]*[A-Za-z0-9_-]/$", "arn:aws:s3:::bucket/folder/"),
]


class ClosedHours(Model):
    """Hours in which nothing starts. The hour `end_hour` is closed, too, as in the sample of REL12-BP05
    (`9 <= hour <= 17`)."""

    timezone: Timezone = "UTC"
    """The time zone of the hours."""
    days: Days = EVERY_DAY
    """The days on which they are closed."""
    start_hour: Annotated[int, Field(ge=0, le=23, strict=True)] = 9
    """The first closed hour."""
    end_hour: Annotated[int, Field(ge=0, le=23, strict=True)] = 17
    """An end before `start_hour` is on the next day: closed over midnight."""


class Hours(Model):
    """The same hours on some days of the week."""

    timezone: Timezone = "UTC"
    """The time zone of the hours."""
    days: Days = EVERY_DAY
    """The days on which they begin."""
    since: ClockTime = "00:00"
    """The time of day at which they begin, in quotes."""
    until: EndTime = "24:00"
    """The end, which itself lies outside. An end that is not after `since` is on the day after each of `days`."""
    reason: str = ""
    """Why; a refusal shows it."""


class Freeze(Model):
    """Whole days on which nothing runs."""

    first: date
    """The first frozen day."""
    last: date | None = None
    """The last frozen day. None: `first` alone."""
    timezone: Timezone = "UTC"
    """The time zone in which the days begin and end."""
    reason: str = ""
    """Why; a refusal shows it."""

    @model_validator(mode="after")
    def _check_order(self) -> "Freeze":
        if self.last is not None and self.last < self.first:
            raise validation_error("ends before it begins", "the first day, then the last", at="last")
        return self


class Calm(Model):
    """What must be quiet around the workload before a fault is injected."""

    do_not_disturb: Annotated[tuple[AlarmName, ...], Field(max_length=100)] = ()
    """Alarms of this account and Region of which none may be in ALARM, or missing."""
    workload_alarms: Literal["refuse", "warn", "ignore"] = "refuse"
    """What an alarm in ALARM means if its metrics belong to the load balancer, target groups, Auto Scaling groups or
    instances around the targets. Alarms that only scale don't count."""
    ignored_alarms: Annotated[tuple[AlarmName, ...], Field(max_length=100)] = ()
    """Alarms of the workload that are ignored."""
    cool_down: Span | None = None
    """The shortest time since the end of the last fault on the same failure domains. None: no cool-down."""
    pipelines: Annotated[tuple[PipelineName, ...], Field(max_length=20)] = ()
    """CodePipeline pipelines that may not be running."""
    deployment_groups: Annotated[tuple[DeploymentGroup, ...], Field(max_length=20)] = ()
    """CodeDeploy groups without a deployment in progress, as `application/group`. Instance refreshes of the targets' Auto Scaling groups
    count without being named."""


class GuardQuality(Model):
    """Whether a guard or stop alarm that protects badly, or aborts healthy runs, refuses the run, or only warns."""

    insufficient_data: Response = "refuse"
    """The alarm has not enough data to judge."""
    actions_disabled: Response = "refuse"
    """The alarm's actions are switched off."""
    missing_data_is_good: Response = "refuse"
    """It treats missing data as good, or ignores it, and its metric is not one that is published only when there is something to count."""
    slower_than_fault: Response = "refuse"
    """Its period × the datapoints it needs is longer than the fault."""
    watches_fault: Response = "refuse"
    """It watches a metric that the fault moves by design."""
    false_abort: Annotated[float, Field(ge=0.1, le=100, strict=True)] | None = None
    """The largest share of healthy runs, in percent, that a guard may abort, counted in the last days of its metric. A guard
    above it refuses the run; None: none does. Above 1 % there is a warning, whatever the limit."""


class ShortFaults(Model):
    """What a fault means that ends by itself before any guard could end it, while the run is observed for longer. A word
    alone is the response."""

    response: Response = "refuse"
    """`refuse` the run, or `warn`: then the fault may do its harm for at most `longest`."""
    longest: Span = timedelta(minutes=5)
    """The longest that the harm of such a fault may last by itself. Longer ones are refused."""


def _expand_response(value: object) -> object:
    return {"response": value} if isinstance(value, str) else value


ActionPattern = Annotated[str, require_pattern(r"^aws:[a-z0-9:*-]*[*][a-z0-9:*-]*$", "a pattern of FIS actions, such as aws:ec2:*")]


def _expand_types(value: object) -> object:
    """The list with the FIS actions that a pattern stands for. The first takes the pattern's place and the others follow the
    list, so that the index in a problem is that of the file. A pattern that stands for nothing remains, and is unknown."""
    if not isinstance(value, list | tuple):
        return value
    entries: list[object] = []
    more: list[object] = []
    for entry in value:
        pattern = isinstance(entry, str) and entry.startswith(FIS_ACTION) and "*" in entry
        matching = [kind for kind in FaultType if kind.is_fis_action and fnmatchcase(kind, str(entry))] if pattern else []
        entries.append(matching[0] if matching else entry)
        more += [kind for kind in matching[1:] if kind not in value and kind not in more]
    return [*entries, *more]


_OF_USER = r"arn:[a-z-]+:iam::\d{12}:user/.+"
_OF_SSO_USER = r"arn:[a-z-]+:sts::\d{12}:assumed-role/AWSReservedSSO_[^/]+/[^/]+"
_OF_ROLE = r"arn:[a-z-]+:sts::\d{12}:assumed-role/[\w+=,.@-]+/\*"
Approver = Annotated[
    str,
    Field(max_length=256),
    # Whoever assumes an ordinary role chooses the session's name, so a pattern can't name a session. A pattern for several roles would
    # make one human being who may assume two of them two people.
    require_pattern(
        f"^({_OF_USER}|{_OF_SSO_USER}|{_OF_ROLE})$",
        "an ARN as `aws sts get-caller-identity` prints it: of a user or of an AWSReservedSSO_ role with its user, * for any text; or of "
        "one role with all its sessions (…:assumed-role/Name/*)",
    ),
]


class Approval(Model):
    """Who decides before anything is injected; docs/approval.md says who is a person and what they sign."""

    required: Annotated[bool, Field(strict=True)] = True
    """Whether people have to approve each run."""
    approvers: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    """How many different people, besides the requester. One more where no requester is proven."""
    who: Annotated[tuple[Approver, ...], Field(max_length=20)] = ()
    """Who may approve, and claim to be the requester; empty: every IAM user and IAM Identity Center user of the stack's account whom
    IAM lets invoke the Approve function."""
    expires_after: Span = timedelta(hours=4)
    """A run on which nobody has decided by then is rejected."""


class Timing(Model):
    """The pace of CloudWatch and of the workflow. Defaults are AWS's; a local account has seconds instead of minutes."""

    metric_period_seconds: Annotated[int, Field(ge=1, le=3600, strict=True)] = 60
    """The period in which metrics are read and judged, in seconds."""
    metric_lag_seconds: Seconds | None = None
    """Overrides the documented publication lag of every metric (None: per metric, ALB 180 s, EC2 120 s)."""
    sentinel_period_seconds: Literal[1, 5, 10, 20, 30, 60] = 10
    """The period of the sentinel's own metrics, if it divides `metric_period_seconds`. CloudWatch's alarms accept 10, 20,
    30 and 60."""
    alarm_evaluation_seconds: Seconds = 60
    """How many seconds pass between two evaluations of an alarm."""
    guard_datapoints_to_alarm: Annotated[int, Field(ge=1, le=10, strict=True)] = 2
    """How many periods must breach for a guard to fire, among `guard_evaluation_periods`."""
    guard_evaluation_periods: Annotated[int, Field(ge=1, le=10, strict=True)] = 3
    """How many periods a guard looks at."""
    minimum_duration_seconds: Seconds = 60
    """The shortest fault in seconds."""
    minimum_periods: Annotated[int, Field(ge=1, strict=True)] = 5
    """How many whole periods a window must have to be judged."""
    baseline_periods: Annotated[int, Field(ge=1, le=1440, strict=True)] = 60
    """How many periods before the fault make the baseline."""
    minimum_baseline_periods: Annotated[int, Field(ge=1, strict=True)] = 10
    """How many of them must have data at least."""
    baseline_wait_seconds: Seconds = 900
    """The longest CaptureBaseline waits for points that are missing."""
    arming_seconds: Seconds = 300
    """The longest ArmGuards waits for every guard to be OK."""
    slot_wait_seconds: Seconds = 1800
    """The longest wait for one of FIS's slots, in seconds."""
    stop_seconds: Seconds = 120
    """The longest StopFault waits for FIS to reach a terminal status."""
    recovery_seconds: Seconds = 900
    """The longest WatchRecovery waits for the steady state to hold again."""
    poll_seconds: Annotated[int, Field(ge=1, le=300, strict=True)] = 15
    """How many seconds a waiting state waits before it looks again."""
    lease_seconds: Seconds = 300
    """How many seconds a lock holds without being renewed; the pulse renews it."""
    start_seconds: Seconds = 60
    """Timeout of the StartFault function: the lease must outlast it."""

    @model_validator(mode="after")
    def _check_consistency(self) -> "Timing":
        if self.guard_datapoints_to_alarm > self.guard_evaluation_periods:
            raise validation_error("more datapoints to alarm than periods evaluated", "M of N, M at most N", at="guard_datapoints_to_alarm")
        if self.minimum_baseline_periods > self.baseline_periods:
            raise validation_error("more than the whole baseline", "at most baseline_periods", at="minimum_baseline_periods")
        if self.lease_seconds <= self.start_seconds:
            raise validation_error("the lease ends before StartFault may", "more than start_seconds", at="lease_seconds")
        return self


FIS_TEMPLATE = require_pattern(r"^EXT[0-9A-Za-z]{1,61}$", "the id of a FIS experiment template, EXT…")


SHORTEST_DEADLINE = timedelta(minutes=5)
"""The shortest `home_deadline`: home writes once a minute, and a message may be lost."""


class Environment(Model):
    name: Annotated[str, ENVIRONMENT_NAME]
    """The environment's name, and the value of the opt-in tag of what may be disturbed in it."""
    description: str = ""
    """What the environment is for."""
    accounts: tuple[Annotated[str, require_pattern(r"^\d{12}$", "an account id of twelve digits, in quotes")], ...] = ()
    """Account ids the environment lives in; empty: the account Squall is deployed to."""
    regions: tuple[Annotated[str, require_pattern(r"^[a-z]{2}(-[a-z]+)+-\d$", "a Region, such as eu-central-1")], ...] = ()
    """Regions; empty: the Region Squall is deployed to."""
    allowed_types: Annotated[
        tuple[FaultType, ...], BeforeValidator(_expand_types, json_schema_input_type=tuple[FaultType | ActionPattern, ...])
    ] = tuple(fault_type for fault_type in FaultType if not fault_type.is_fis_action and fault_type is not FaultType.NO_FAULT)
    """The kinds of faults that may be injected: fault types, and FIS actions by id or pattern (`aws:ec2:*`). None: every
    fault type, and no FIS action."""
    allowed_blast_radius: tuple[BlastRadius, ...] = tuple(BlastRadius)
    """How much an experiment may hit."""
    maximum_duration: Span = timedelta(hours=12)
    """The longest fault, and the longest observation: `4h`, `90m`, or ISO 8601 (`PT4H`)."""
    maximum_risk: Risk = "high"
    """The highest risk class of a fault; docs/faults.md says which fault has which."""
    maximum_cost_usd: Annotated[float, Field(gt=0, strict=True)] | None = None
    """The highest cost of one run by list prices, estimated before the fault. None: no limit."""
    owners: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Who may own what runs here: the experiment's `owner` must be one of them. Empty: anybody, or nobody."""
    closed_hours: ClosedHours | None = None
    """Whole hours in which nothing starts or runs. None: no such hours."""
    open_hours: tuple[Hours, ...] = ()
    """The whole run must lie within them; hours that follow each other are one. Empty: always."""
    blackouts: tuple[Hours, ...] = ()
    """The run may not meet any of them."""
    freezes: tuple[Freeze, ...] = ()
    """Days on which nothing runs."""
    change_calendars: Annotated[tuple[CalendarName, ...], Field(max_length=10)] = ()
    """Systems Manager Change Calendars that must all be open from start to end, by name or (shared ones) by ARN."""
    calm: Calm = Calm()
    """What must be quiet around the workload before a fault."""
    guard_quality: GuardQuality = GuardQuality()
    """What is asked of guards and stop alarms."""
    short_faults: Annotated[ShortFaults, BeforeValidator(_expand_response, json_schema_input_type=Response | ShortFaults)] = ShortFaults()
    """What a fault means that ends by itself before any guard could end it: `refuse`, `warn`, or `warn` with the longest
    such harm. An `observation` makes such faults possible."""
    promotion: Promotion | None = None
    """The same experiment must have been validated there. None: nothing is asked."""
    home_deadline: Span | None = None
    """In a member of a fleet: how long home may be silent until nothing starts here any more; at least 5 minutes, because
    home writes once a minute. What runs is finished. None: it is not asked. In a stack that is in no fleet it has no
    effect."""
    catalogue: Literal["deployed", "published"] = "deployed"
    """`deployed`: only experiments that are deployed with the stack may run here. `published`: those that `squall publish`
    wrote to the results bucket, too."""
    inline_definitions: Annotated[bool, Field(strict=True)] = False
    """Whether an execution's input may contain its own experiment. Whoever may start executions then chooses what the FIS role
    does."""
    minimum_healthy_percent: Annotated[float, Field(ge=0, le=100, strict=True)] = 50.0
    """Share of a failure domain's capacity that must stay in service while the fault lasts."""
    minimum_requests_per_second: Annotated[float, Field(ge=0, strict=True)] = 0.1
    """The least traffic. Without users nothing can be judged."""
    stale_trigger_seconds: Seconds = 900
    """A scheduled start that arrives later than this many seconds is refused."""
    maximum_queued: Annotated[int, Field(ge=0, le=500, strict=True)] = 50
    """How many runs may already wait for one of FIS's slots when another joins them. 0: nobody waits, and a full FIS
    refuses."""
    maximum_waiting: Annotated[int, Field(ge=1, le=2000, strict=True)] = 500
    """How many runs of the environment may be open without having had a fault: preparing, waiting for people, a lock or a
    slot. One more is refused. The pulse looks after all of them."""
    approval: Approval | None = None
    """None: nobody is asked."""
    parameter_ranges: dict[str, tuple[Number, Number]] = {}
    """Ranges of fault parameters that replace the fault's careful ones: name to (least, greatest). For a parameter that is
    not named here, the fault's `unless_allowed` holds."""
    parameter_values: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    """Values of fault parameters that are words, where more are allowed than the fault's careful ones: name to values."""
    custom_actions: dict[Annotated[str, CUSTOM_NAME], CustomAction] = {}
    """FIS actions, and documents of Automation and Run Command, that experiments of type `custom` may name. Nothing else is run by
    that type."""
    rollback_documents: dict[Annotated[str, ROLLBACK_NAME], RollbackDocument] = {}
    """The documents by the names that experiments use in `rollback`."""
    lambda_fault_configuration: S3Folder | None = None
    """The folder in S3 where FIS leaves faults for the extensions of this environment's functions. None: none is disturbed."""
    eks_service_account: Annotated[str, Field(max_length=253), KUBERNETES_NAME] | None = None
    """The service account with which FIS acts on this environment's pods; each of their namespaces has one of that name.
    None: no pod is disturbed."""
    api_fault_roles: Annotated[tuple[RoleArn, ...], Field(max_length=20)] = ()
    """The IAM roles whose calls may fail by a fault. Everything that uses such a role is hit. Empty: none."""
    chaos_mesh: ChaosNamespaces = {}
    """Faults of Chaos Mesh that FIS may create: their kinds, each with the namespaces. Empty: none."""
    fis_templates: tuple[Annotated[str, FIS_TEMPLATE], ...] = ()
    """FIS templates that experiments may name in `fis_template_id`."""
    sentinel: SentinelPolicy | None = None
    """What the sentinel may probe for experiments. None: nothing."""
    timing: Timing = Timing()
    """The pace of CloudWatch and of the workflow. AWS needs no change."""

    @field_validator("home_deadline")
    @classmethod
    def _check_deadline(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < SHORTEST_DEADLINE:
            raise validation_error("is shorter than a few missed messages of home", "at least 5m")
        return value

    @field_validator("parameter_ranges")
    @classmethod
    def _check_ranges(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (least, greatest) in value.items():
            if not least <= greatest:
                raise validation_error(f"the range of {name} is empty: {least:g} to {greatest:g}", "the least, then the greatest")
        return value

    @model_validator(mode="after")
    def _keep_undoing_whole(self) -> "Environment":
        """No fault may hit the roles with which documents undo faults."""
        acting = {document.assume_role: name for name, document in self.rollback_documents.items()}
        acting |= {action.assume_role: name for name, action in self.custom_actions.items() if action.assume_role}
        refuse_acting(self.api_fault_roles, acting)
        return self

    @model_validator(mode="after")
    def _require_rollbacks(self) -> "Environment":
        """What undoes a custom action has to be among the documents that the policy allows."""
        for name, action in self.custom_actions.items():
            if action.rollback is not None and action.rollback.document not in self.rollback_documents:
                message = f"{name} is undone by {action.rollback.document}, which rollback_documents does not list"
                known = ", ".join(sorted(self.rollback_documents)) or "an entry of rollback_documents"
                raise validation_error(message, known, at="custom_actions")
        return self
