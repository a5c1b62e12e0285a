"""The stack: connects what the constructs build."""

from collections.abc import Mapping
from dataclasses import replace

from aws_cdk import (
    Annotations,
    Aws,
    CfnMapping,
    CfnOutput,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    Environment,
    IReusableStackSynthesizer,
    PermissionsBoundary,
    Stack,
    Tags,
)
from aws_cdk.aws_ec2 import SecurityGroup, Subnet, Vpc
from aws_cdk.aws_lambda import Function
from aws_cdk.aws_ssm import StringParameter
from constructs import Construct, IDependable

from infra import code
from infra.account.fleet import CAMPAIGN
from infra.account.stackset import fits_stackset
from infra.analytics import Analytics
from infra.definitions import Definitions
from infra.events.schedules import Schedules
from infra.events.triggers import Triggers
from infra.functions import Functions, Network, make_shared
from infra.monitoring.alarms import OwnAlarms
from infra.monitoring.dashboard import LiveDashboard
from infra.permissions.eks_access import INVENTORY_READERS, EksAccess
from infra.permissions.fis_roles import FisRoles
from infra.permissions.fleet import FleetRoles, make_home_policies, make_proof_role
from infra.permissions.holders import (
    CAMPAIGN_FUNCTIONS,
    CONTROL_FUNCTIONS,
    FLEET_FUNCTIONS,
    OUTSIDE_FUNCTIONS,
    WORKFLOW_FUNCTIONS,
    statements_elsewhere,
    statements_for,
)
from infra.permissions.listed_resources import list_fault_folders, list_names
from infra.permissions.names import Names
from infra.permissions.people import make_people_policies
from infra.places import read_feature_flags
from infra.results import Results
from infra.settings import Settings, SettingsError
from infra.workflow import CAMPAIGN_ASL, EXPERIMENT_ASL, Workflow, campaign_machine_name, machine_name
from squall.domain.experiment.published import FOLDER
from squall.domain.messages.console import HOSTS
from squall.domain.policy.roles import OWN_TAG
from squall.domain.regions.names import StackNames, parameter_name
from squall.domain.run.stack import stack_parameter
from squall.version import VERSION

OUTPUTS = {
    "ExperimentStateMachineArn": "The state machine that runs experiments",
    "CampaignStateMachineArn": "The state machine that runs campaigns",
    "ResultsTableName": "The table with the records of runs, locks, slots and findings",
    "ResultsBucketName": "The bucket with the documents and reports of runs",
    "NotificationTopicArn": "The topic whose subscribers are notified of runs",
    "ChatTopicArn": "The topic for Amazon Q Developer in chat applications, with the same messages",
    "AbortFunctionName": "The function that aborts one run",
    "HaltFunctionName": "The function that stops every fault of the stack and prevents new ones",
    "ResumeFunctionName": "The function that ends a halt",
    "NoteFunctionName": "The function that records notes and answers of people during a campaign",
    "ReportFunctionName": "The function that makes reports of runs and of periods",
    "ScheduleFunctionName": "The function that brings the schedules of what is published in line with the catalogue",
    "CatalogueLocation": "The folder of the results bucket that holds the published experiments",
    "ViewerPolicyArn": "The managed policy for people who see runs, results, reports and the catalogue",
    "OperatorPolicyArn": "The managed policy for people who start, abort and halt experiments",
    "PublisherPolicyArn": "The managed policy for people who publish and retire experiments",
    "ApproverPolicyArn": "The managed policy for people who approve and reject runs",
    "DashboardUrl": "The CloudWatch dashboard of the stack",
    "ApproveFunctionName": "The function that records approvals and rejections",
    "ApprovalUrl": "The console page that lists the executions that wait for approval; nobody can approve there",
    "SquallVersion": "The version of Squall that is deployed; the command compares it with its own",
}
"""The stack's outputs, each with what it names."""


class SquallStack(Stack):
    """Squall in one account and Region. `definition` is the ASL of the experiment state machine, by default the
    project's own."""

    def __init__(self, scope: Construct, *, settings: Settings, definitions: Definitions, definition: str | None = None) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            stack_name=settings.stack_name,  # also inside a Stage, whose name CDK would put before it
            description="Squall: serverless chaos engineering for AWS",
            env=Environment(account=settings.account, region=settings.region),
            synthesizer=_make_synthesizer(settings),
            termination_protection=settings.termination_protection,
            permissions_boundary=PermissionsBoundary.from_arn(settings.permissions_boundary_arn)
            if settings.permissions_boundary_arn
            else None,
        )
        self._apply_feature_flags()
        _require_heartbeat(settings, definitions)
        self.settings = settings
        self.machine_name = machine_name(settings)
        self.campaign_machine_name = campaign_machine_name(settings)
        self.results = Results(self, "Results", settings=settings)
        self._schedules = Schedules(self, "Schedules", stack_name=settings.stack_name, dead_letters=self.results.dead_letters)
        self._machine_arn = f"arn:{self.partition}:states:{self.region}:{self.account}:stateMachine:{self.machine_name}"
        self._campaigns_arn = self._machine_arn.replace(self.machine_name, self.campaign_machine_name)
        self._published_role = self._schedules.make_published_role(self._machine_arn, self._campaigns_arn)
        self.fault_folders = list_fault_folders(definitions.environments.values())
        self._fis_roles = FisRoles(self, definitions.environments, settings.opt_in_tag)
        self.custom_wildcards = frozenset(self._fis_roles.wildcards - {"*"})
        self.functions = self._make_functions(definitions)
        workflow = Workflow(
            self,
            "Workflow",
            settings=settings,
            name=self.machine_name,
            functions={name: self.functions[name] for name in WORKFLOW_FUNCTIONS},
            definition=definition if definition is not None else EXPERIMENT_ASL.read_text(),
        )
        self.state_machine = workflow.state_machine
        self.campaign_machine = Workflow(
            self,
            "Campaigns",
            settings=settings,
            name=self.campaign_machine_name,
            functions={name: self.functions[name] for name in CAMPAIGN_FUNCTIONS},
            definition=CAMPAIGN_ASL.read_text(),
            starts=self.state_machine,
        ).state_machine
        self._connect_triggers(definitions)
        self._watch_squall_itself()
        names = self._compose_names(definitions)
        self._people_policies = make_people_policies(self, names, self.functions)
        FleetRoles(self, "Fleet", settings=settings, names=names, functions=self.functions, people=self._people_policies)
        make_proof_role(self, self.settings, names)
        if definitions.fleet:
            make_home_policies(self, definitions.fleet)
        self._say_names()
        Analytics(self, "Analytics", bucket=self.results.bucket, environments=tuple(sorted(definitions.environments)))
        self._write_outputs()
        Tags.of(self).add(OWN_TAG, settings.stack_name)

    def _say_names(self) -> None:
        StringParameter(
            self,
            "OwnStack",
            parameter_name=stack_parameter(self.settings.stack_name),
            description="Squall: the CloudFormation stack, whose name is another one where a StackSet made it",
            string_value=self.stack_id,
        )
        if not self.settings.peer_regions:
            return
        names = StackNames(
            region=self.region,
            version=VERSION,
            peers=",".join(self.settings.peer_regions),
            table=self.results.table.table_name,
            abort_function=self.functions["Abort"].function_name,
            state_machine_arn=self.state_machine.state_machine_arn,
            decide_function=self.functions["Decide"].function_name,
            bucket=self.results.bucket.bucket_name,
        )
        StringParameter(
            self,
            "Names",
            parameter_name=parameter_name(self.settings.stack_name),
            description="Squall: the names of this stack, for the stacks of its peer Regions",
            string_value=self.to_json_string(vars(names)),
        )

    def _apply_feature_flags(self) -> None:
        """Applies the flags of cdk.json to this stack. In another CDK app, too, the template is the one that is tested."""
        for flag, value in read_feature_flags().items():
            self.node.set_context(flag, value)

    def _make_functions(self, definitions: Definitions) -> dict[str, Function]:
        common = make_shared(self, self.settings, code.stage_code(definitions, self.settings.lambda_runtime), self._environment())
        factory = Functions(self, common)
        # Abort is made first: the permissions of other functions name it as the only action that a guard alarm may
        # have.
        names = self._compose_names(definitions)
        regional = {"AWS_STS_REGIONAL_ENDPOINTS": "regional"}
        abort = factory.make("Abort", statements_for("Abort", names), regional, elsewhere=statements_elsewhere("Abort", names))
        names = replace(names, abort_function_arn=abort.function_arn)
        sentinel = factory.make("Sentinel", statements_for("Sentinel", names), network=self._sentinel_network())
        names = replace(names, sentinel_function_arn=sentinel.function_arn)
        fis_roles = {"SQUALL_FIS_ROLE_ARNS": self.to_json_string(self._fis_roles.arns)}
        # Composed, because a reference would make CloudFormation delete the pulse before the workflow that it watches.
        experiments = {"SQUALL_STATE_MACHINE_ARN": self._machine_arn}
        both = {**experiments, "SQUALL_CAMPAIGN_MACHINE_ARN": self._campaigns_arn}
        variables: Mapping[str, Mapping[str, str]] = {
            "CaptureBaseline": {"SQUALL_SENTINEL_FUNCTION": sentinel.function_arn},
            "ArmGuards": {"SQUALL_ABORT_FUNCTION_ARN": abort.function_arn},
            "Pulse": {"SQUALL_SENTINEL_FUNCTION": sentinel.function_arn, **experiments, **regional},
            "ChooseSteps": {**experiments, **regional},
            "FinishCampaign": {**experiments, **regional},
            "Watchdog": {**both, **regional},
            "Schedule": {
                **both,
                "SQUALL_SCHEDULE_ROLE_ARN": self._published_role.role_arn,
                "SQUALL_DEAD_LETTER_ARN": self.results.dead_letters.queue_arn,
            },
            **dict.fromkeys(("Halt", "Resume"), {"SQUALL_SAFETY_LEVER": "true"} if self.settings.halt_engages_safety_lever else {}),
            # People sign for this Region's STS endpoint; without the variable, an older SDK calls the global one.
            **dict.fromkeys(("Approve", "ObserveApproval", "CheckSafety", "AcquireSlot", *FLEET_FUNCTIONS), regional),
            # FinalCheck and StartFault compile the template again and compare it with what FIS has.
            "FinalCheck": {**fis_roles, **regional},
            "StartFault": fis_roles,
            "CreateTemplate": {"SQUALL_ABORT_FUNCTION_ARN": abort.function_arn, **fis_roles},
        }
        first = {"Abort": abort, "Sentinel": sentinel}
        of_fleet = FLEET_FUNCTIONS if definitions.fleet else ()
        others = [name for name in (*WORKFLOW_FUNCTIONS, *CAMPAIGN_FUNCTIONS, *OUTSIDE_FUNCTIONS, *of_fleet) if name not in first]
        made = {
            name: factory.make(name, statements_for(name, names), variables.get(name), elsewhere=statements_elsewhere(name, names))
            for name in others
        }
        return {**first, **made}

    def _sentinel_network(self) -> Network | None:
        """The existing VPC of the settings; Squall changes nothing in it."""
        settings = self.settings
        if settings.sentinel_vpc_id is None:
            return None
        # CDK asks for the zones; nothing here depends on them.
        zones = [f"{self.region}-{index}" for index, _ in enumerate(settings.sentinel_subnet_ids)]
        return Network(
            Vpc.from_vpc_attributes(self, "SentinelVpc", vpc_id=settings.sentinel_vpc_id, availability_zones=zones),
            tuple(Subnet.from_subnet_id(self, f"Sentinel{subnet_id}", subnet_id) for subnet_id in settings.sentinel_subnet_ids),
            tuple(
                SecurityGroup.from_security_group_id(self, f"Sentinel{group_id}", group_id, mutable=False)
                for group_id in settings.sentinel_security_group_ids
            ),
        )

    def _environment(self) -> dict[str, str]:
        return {
            "SQUALL_STACK": self.settings.stack_name,
            "SQUALL_TABLE": self.results.table.table_name,
            "SQUALL_BUCKET": self.results.bucket.bucket_name,
            "SQUALL_TOPIC_ARN": self.results.topic.topic_arn,
            "SQUALL_CHAT_TOPIC_ARN": self.results.chat_topic.topic_arn,
            "SQUALL_EVENT_BUS": self.settings.event_bus_name,
            "SQUALL_OPT_IN_TAG": self.settings.opt_in_tag,
            "POWERTOOLS_SERVICE_NAME": "squall",
            **({"SQUALL_PEER_REGIONS": ",".join(self.settings.peer_regions)} if self.settings.peer_regions else {}),
            **({"SQUALL_FLEET_HOME": self.settings.fleet_home_account} if self.settings.fleet_home_account else {}),
        }

    def _compose_names(self, definitions: Definitions) -> Names:
        """Everything that permissions name, still without the functions Abort and Sentinel."""
        settings = self.settings
        return Names(
            partition=self.partition,
            url_suffix=self.url_suffix,
            region=self.region,
            account=self.account,
            stack=settings.stack_name,
            stack_id=self.stack_id,
            table_arn=self.results.table.table_arn,
            bucket_arn=self.results.bucket.bucket_arn,
            topic_arn=self.results.topic.topic_arn,
            bus_arn=f"arn:{self.partition}:events:{self.region}:{self.account}:event-bus/{settings.event_bus_name}",
            state_machine_name=self.machine_name,
            campaign_machine_name=self.campaign_machine_name,
            abort_function_arn="",
            fis_role_arns=tuple(self._fis_roles.arns.values()),
            fis_actions=tuple(sorted(self._fis_roles.actions)),
            kms_key_arn=settings.kms_key_arn,
            safety_lever=settings.halt_engages_safety_lever,
            sentinel_in_vpc=settings.sentinel_vpc_id is not None,
            dead_letter_arn=self.results.dead_letters.queue_arn,
            peers=settings.peer_regions,
            in_stackset=fits_stackset(settings),
            schedule_role_arn=self._published_role.role_arn,
            chat_topic_arn=self.results.chat_topic.topic_arn,
            in_fleet=settings.fleet_home_account is not None,
            heartbeat_role_arns=definitions.fleet.list_roles("contact") if definitions.fleet else (),
            collected_role_arns=definitions.fleet.list_roles("results") if definitions.fleet else (),
            campaign_role_arns=definitions.fleet.list_roles(CAMPAIGN) if definitions.fleet else (),
            **list_names(self, definitions.environments.values()),
        )

    def _connect_triggers(self, definitions: Definitions) -> None:
        triggers = Triggers(self, "Triggers", stack_name=self.settings.stack_name, dead_letters=self.results.dead_letters)
        stop_paths: list[IDependable] = [
            triggers.abort_on_guards(self.functions["Abort"]),
            triggers.pulse_on_faults(self.functions["Pulse"]),
        ]
        triggers.watch_executions(self.functions["Watchdog"], self.state_machine, self.campaign_machine)
        triggers.never_repeat("Sentinel", self.functions["Sentinel"])
        triggers.report_endings(self.functions["Report"], self.settings.event_bus_name)
        schedules = self._schedules
        stop_paths.append(schedules.add_pulse(self.functions["Pulse"]))
        # On deletion the workflow goes first, and everything that stops or undoes a fault after it.
        stoppers = [*self._fis_roles.roles.values(), *(self.functions[name] for name in ("Abort", "Halt", "Pulse"))]
        self.state_machine.node.add_dependency(*stoppers, *stop_paths)
        schedules.add_reports(self.functions["Report"])
        schedules.add_experiments(definitions.in_one_region, self.state_machine)
        schedules.add_campaigns(definitions.campaigns, self.campaign_machine)
        if definitions.fleet:
            schedules.add_fleet(self.functions["Heartbeat"], self.functions["Collect"])
        schedules.add_published(self.functions["Schedule"], self.state_machine, self.campaign_machine)
        self._grant_cluster_access(definitions)

    def _watch_squall_itself(self) -> None:
        if not (self.settings.alarm_topic_arns or self.settings.notification_emails):
            Annotations.of(self).add_warning_v2(
                "squall:nobody-listens",
                "Neither alarm_topic_arns nor notification_emails is set: subscribe people to NotificationTopicArn, and give "
                "alarm_topic_arns a topic that CloudWatch may publish to, or nobody hears of a silent pulse.",
            )
        own = OwnAlarms(
            self,
            "OwnAlarms",
            topic_arns=self.settings.alarm_topic_arns,
            control={name: self.functions[name] for name in (*CONTROL_FUNCTIONS, *FLEET_FUNCTIONS) if name in self.functions},
            report=self.functions["Report"],
            dead_letters=self.results.dead_letters,
        )
        self.dashboard = LiveDashboard(
            self,
            "Live",
            stack_name=self.settings.stack_name,
            machine=self.state_machine,
            functions=self.functions,
            alarms=own.alarms,
            dead_letters=self.results.dead_letters,
            bucket_name=self.results.bucket.bucket_name,
        )

    def _grant_cluster_access(self, definitions: Definitions) -> None:
        if not self.settings.eks_namespaces:
            return
        readers = {name: role for name in INVENTORY_READERS if (role := self.functions[name].role) is not None}
        policies = definitions.environments
        fis_roles = {name: self._fis_roles.roles[name] for name, policy in policies.items() if policy.eks_service_account}
        EksAccess(self, "EksAccess", namespaces=self.settings.eks_namespaces, readers=readers, fis_roles=fis_roles)

    def _write_outputs(self) -> None:
        values = {
            "ExperimentStateMachineArn": self.state_machine.state_machine_arn,
            "CampaignStateMachineArn": self.campaign_machine.state_machine_arn,
            "ResultsTableName": self.results.table.table_name,
            "ResultsBucketName": self.results.bucket.bucket_name,
            "NotificationTopicArn": self.results.topic.topic_arn,
            "ChatTopicArn": self.results.chat_topic.topic_arn,
            "AbortFunctionName": self.functions["Abort"].function_name,
            "HaltFunctionName": self.functions["Halt"].function_name,
            "ResumeFunctionName": self.functions["Resume"].function_name,
            "NoteFunctionName": self.functions["Note"].function_name,
            "ReportFunctionName": self.functions["Report"].function_name,
            "ScheduleFunctionName": self.functions["Schedule"].function_name,
            "CatalogueLocation": f"s3://{self.results.bucket.bucket_name}/{FOLDER}/",
            "DashboardUrl": self.dashboard.url,
            "ApproveFunctionName": self.functions["Approve"].function_name,
            "ApprovalUrl": self._approval_url(),
            "SquallVersion": VERSION,
            **{f"{name}PolicyArn": policy.managed_policy_arn for name, policy in self._people_policies.items()},
        }
        for name, value in values.items():
            CfnOutput(self, name, value=value, description=OUTPUTS[name])

    def _approval_url(self) -> str:
        """The console page that shows the executions waiting for approval. Nobody can approve there: a page cannot
        sign."""
        consoles = CfnMapping(self, "Consoles", mapping={partition: {"domain": domain} for partition, domain in HOSTS.items()})
        domain = consoles.find_in_map(Aws.PARTITION, "domain")
        return f"https://{self.region}.{domain}/states/home?region={self.region}#/statemachines/view/{self.state_machine.state_machine_arn}"


def _require_heartbeat(settings: Settings, definitions: Definitions) -> None:
    """Raises SettingsError if a policy asks for a heartbeat that home may not write."""
    waiting = [name for name, policy in sorted(definitions.environments.items()) if policy.home_deadline is not None]
    if waiting and settings.fleet_home_account and "contact" not in settings.fleet_grants:
        raise SettingsError(
            f"The context is not valid:\n  fleet_grants: has no 'contact', and {', '.join(waiting)} asks for it by home_deadline: "
            "nothing would ever start there"
        )


def _make_synthesizer(settings: Settings) -> IReusableStackSynthesizer:
    if settings.assets_bucket is not None:
        return CliCredentialsStackSynthesizer(file_assets_bucket_name=settings.assets_bucket, qualifier=settings.bootstrap_qualifier)
    if settings.synthesizer == "cli":
        return CliCredentialsStackSynthesizer(qualifier=settings.bootstrap_qualifier)
    return DefaultStackSynthesizer(qualifier=settings.bootstrap_qualifier)
