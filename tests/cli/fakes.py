"""A deployment that exists only in memory, and runs made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.aws.catalogue import Deployed
from cli.aws.stack import Machine, Started
from cli.errors import CommandError
from squall.domain.approval.votes import Decision
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.record import CampaignRecord, Note
from squall.domain.documents.metrics.metric_models import MetricQuery, Series
from squall.domain.history.collected import Mark
from squall.domain.history.summary import RunSummary
from squall.domain.run.halt import Halt
from squall.domain.run.queue import Line
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import read_event_name
from squall.version import VERSION
from tests.fakes.campaigns import FakeCampaigns
from tests.fakes.storage import FakeCatalogue

START = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
HOSTILE = "[bold red]evil[/] \x1b[31mred\x1b[0m \x07bell\u202ereversed"


def record(execution_id: str = "run-1", **changes: Any) -> ExecutionRecord:
    values: dict[str, Any] = {
        "id": execution_id,
        "execution_arn": f"arn:aws:states:us-east-1:123456789012:execution:Machine:{execution_id}",
        "started_at": START,
        "status": Status.RUNNING,
        "phase": "WatchFault",
        "experiment": "Instance termination",
        "environment": "staging",
    }
    return ExecutionRecord(**{**values, **changes})


def event(name: str, seconds: float = 0, detail: str = "") -> Event:
    return Event(START + timedelta(seconds=seconds), read_event_name(name), detail)


def result(status: Status, verdict: Verdict | None, **changes: Any) -> dict[str, Any]:
    """`result.json` of a run that is over."""
    document: dict[str, Any] = {
        "execution_id": "run-1",
        "experiment_name": "Instance termination",
        "status": status.value,
        "start_time": START.isoformat(),
        "end_time": (START + timedelta(seconds=95)).isoformat(),
        "hypothesis_validated": None,
        "observations": [],
        "issues_discovered": [],
        "improvements_identified": [],
        "metrics_collected": {},
        "verdict": verdict.value if verdict else None,
        "reason": "3 of 3 criteria met, at least 80 %",
        "criteria": [
            {
                "text": "System availability > 99%",
                "kind": "threshold",
                "critical": False,
                "outcome": "met",
                "measured": 99.87,
                "threshold": 99.0,
                "comparator": ">",
                "unit": "percent",
                "points": [[1, 99.9], [6, 99.84]],
                "expected_points": 9,
                "reason": "99.87 % is over 99 %",
            }
        ],
        "timeline": [{"at": START.isoformat(), "event": "fault_started", "detail": "EXP1"}],
    }
    return {**document, **changes}


class NoMetrics:
    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        return {}

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        return None

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        return {}

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        return []


@dataclass
class FakeDeployment:
    """Answers from dictionaries; each look at a record takes the next of its script and keeps the last."""

    stack: str = "Squall"
    stack_id: str = "arn:aws:cloudformation:us-east-1:123456789012:stack/Squall/1"
    region: str = "us-east-1"
    version: str | None = VERSION
    scripts: dict[str, list[ExecutionRecord]] = field(default_factory=dict)
    documents: dict[tuple[str, str], Any] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    started: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    aborted: list[tuple[str, str, str]] = field(default_factory=list)
    on_start: list[ExecutionRecord] = field(default_factory=list)
    abort_answer: Any = field(default_factory=lambda: {"recorded": True, "stopped": ["EXP1"]})
    halts: list[tuple[str, str, bool]] = field(default_factory=list)
    halt_answer: Any = None
    votes: list[tuple[str, str, str, str]] = field(default_factory=list)
    vote_answer: Any = field(default_factory=lambda: {"recorded": True, "message": "1 of 2 approvals", "standing": "pending"})
    flag: Halt | None = field(default_factory=lambda: Halt(engaged=False))
    outputs: dict[str, str] = field(default_factory=dict)
    """Outputs that only some stacks have."""
    copies: dict[str, tuple[Mark | None, list[RunSummary]]] = field(default_factory=dict)
    """At home: the copies of members' runs, by the key of the member."""
    seen: str = "never"
    """When home wrote to the stack last."""
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    reported: list[str] = field(default_factory=list)
    report_made: dict[str, str] = field(default_factory=dict)
    runs: list[RunSummary] = field(default_factory=list)
    period: Any = None
    asked: Any = None
    bucket: str = "bucket"
    metrics: NoMetrics = field(default_factory=NoMetrics)
    queue: Line | None = field(default_factory=Line)
    deployed_names: list[str] | None = None
    """The names of the deployed experiments; None: the stack can't be asked."""
    policies: dict[str, str] | None = None
    deployed_campaigns: list[str] | None = None
    """Environment to the `catalogue` of its policy; None: the stack is older."""
    deployed_regions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The deployed experiments for several Regions, and their Regions."""
    region_campaigns: dict[str, str] = field(default_factory=dict)
    """The deployed campaigns of kind regions, and their experiments."""
    published: FakeCatalogue = field(default_factory=FakeCatalogue)
    campaigns: FakeCampaigns = field(default_factory=FakeCampaigns)
    started_campaigns: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    note_refused: str = ""
    """Why the note function records nothing; empty: it does."""
    on_campaign: list[CampaignRecord] = field(default_factory=list)
    """The record that a started campaign has."""
    aligned: int = 0
    """How often the schedules were brought in line."""
    alignment: Any = field(default_factory=lambda: {"scheduled": [], "removed": [], "problems": {}})
    """What the schedule function answers; None: it fails."""

    def caller(self) -> str:
        return "arn:aws:iam::123456789012:user/ada"

    def deployed(self) -> Deployed | None:
        if self.deployed_names is None:
            return None
        campaigns = None if self.deployed_campaigns is None else tuple(self.deployed_campaigns)
        return Deployed(tuple(self.deployed_names), self.policies, campaigns, self.deployed_regions, self.region_campaigns)

    def align_schedules(self) -> Any:
        self.aligned += 1
        if self.alignment is None:
            raise CommandError("The schedule function failed: timeout.")
        return self.alignment

    def start(self, name: str, payload: Mapping[str, Any]) -> Started:
        self.started.append((name, payload))
        self.scripts[name] = [_renamed(entry, name) for entry in self.on_start]
        if self.scripts[name]:
            self.machines[name] = Machine("SUCCEEDED")
            self.documents[name, "result"] = self.documents.get(("run-1", "result"))
        return Started(name, f"arn:aws:states:us-east-1:123456789012:execution:Machine:{name}", START)

    def start_campaign(self, name: str, payload: Mapping[str, Any]) -> None:
        self.started_campaigns.append((name, payload))
        for record in self.on_campaign:
            self.campaigns.items[name] = replace(record, id=name)

    def abort_campaign(self, campaign_id: str, reason: str, requested_by: str) -> Any:
        self.aborted.append((campaign_id, reason, requested_by))
        why = f"aborted by {requested_by}: {reason}"
        running = self.campaigns.items[campaign_id]
        self.campaigns.items[campaign_id] = replace(running, status=Status.ABORTED, verdict=Verdict.ABORTED, reason=why)
        return {
            "campaign_id": campaign_id,
            "recorded": True,
            "steps": [{"execution_id": "c-s001", "recorded": True}, {"execution_id": "c-s002", "recorded": False}],
        }

    def write_note(self, campaign_id: str, text: str, requested_by: str, *, answers: str = "", stops: bool = False) -> Any:
        if self.note_refused:
            return {"recorded": False, "message": self.note_refused}
        self.campaigns.add_note(campaign_id, Note(START, requested_by, text, answers, stops=stops))
        return {"campaign_id": campaign_id, "recorded": True, "message": "recorded"}

    def campaign(self, campaign_id: str) -> CampaignRecord | None:
        return self.campaigns.get(campaign_id)

    def newest_campaigns(self, limit: int) -> Sequence[CampaignRecord]:
        return self.campaigns.list_newest(limit)

    def campaign_machine(self, campaign_id: str) -> Machine | None:
        return self.machines.get(campaign_id)

    def record(self, execution_id: str) -> ExecutionRecord | None:
        script = self.scripts.get(execution_id, [])
        return (script.pop(0) if len(script) > 1 else script[0]) if script else None

    def open_records(self) -> list[ExecutionRecord]:
        return [script[0] for script in self.scripts.values() if not script[0].final]

    def runs_between(self, start: datetime, end: datetime) -> list[RunSummary]:
        return [run for run in self.runs if start <= run.started_at < end]

    def runs_of(self, experiment: str, limit: int) -> list[RunSummary]:
        return [run for run in reversed(self.runs) if run.experiment == experiment][:limit]

    def report_period(self, asked: Mapping[str, Any]) -> Any:
        self.asked = asked
        return self.period

    def object_text(self, key: str) -> str:
        return key

    def machine(self, execution_id: str) -> Machine | None:
        return self.machines.get(execution_id)

    def document(self, execution_id: str, name: str) -> Any | None:
        return self.documents.get((execution_id, name))

    def document_url(self, execution_id: str, name: str = "result") -> str:
        return self.file_url(execution_id, f"{name}.json")

    def file_url(self, execution_id: str, name: str) -> str:
        return f"s3://bucket/results/{execution_id}/{name}"

    def file(self, execution_id: str, name: str) -> str | None:
        return self.files.get((execution_id, name))

    def make_report(self, execution_id: str) -> None:
        self.reported.append(execution_id)
        self.files.update({(execution_id, name): text for name, text in self.report_made.items()})

    def make_campaign_report(self, campaign_id: str) -> None:
        self.make_report(campaign_id)

    def abort(self, execution_id: str, reason: str, requested_by: str) -> Any:
        self.aborted.append((execution_id, reason, requested_by))
        return self.abort_answer

    def halt(self, reason: str, requested_by: str, *, engage: bool) -> Any:
        self.halts.append((reason, requested_by, engage))
        return self.halt_answer

    def vote(self, execution_arn: str, execution_id: str, plan: str, decision: Decision, comment: str) -> Any:
        self.votes.append((execution_id, plan, decision.value, comment))
        return self.vote_answer

    def halted(self) -> Halt | None:
        return self.flag

    def home_seen(self) -> str:
        return self.seen

    def find_output(self, name: str) -> str | None:
        return self.outputs.get(name)

    def collected(self, member: str, start: datetime, end: datetime) -> tuple[Mark | None, list[RunSummary]]:
        mark, runs = self.copies.get(member, (None, []))
        return mark, [run for run in runs if start <= run.started_at < end]

    def line(self) -> Line | None:
        return self.queue

    def active_faults(self) -> int | None:
        return 1


def _renamed(execution_record: ExecutionRecord, name: str) -> ExecutionRecord:
    return ExecutionRecord(**{**{f: getattr(execution_record, f) for f in execution_record.__dataclass_fields__}, "id": name})
