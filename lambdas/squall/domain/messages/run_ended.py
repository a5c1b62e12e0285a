"""The message that a run ended: verdict first, then the numbers, then what to do."""

from collections.abc import Iterable

from squall.domain.base.vocabulary import CheckOutcome, CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.result import Result
from squall.domain.documents.rollback import RollbackReport
from squall.domain.judging.verdict import exit_code
from squall.domain.messages.console import Console
from squall.domain.messages.leftovers import still_there
from squall.domain.messages.message import Fact, Link, Message, Section, facts_of
from squall.domain.recovery.rollback_document import describe_run
from squall.domain.run.commands import shell_command
from squall.domain.run.record import ExecutionRecord

_MARKS = {CriterionOutcome.MET: "met", CriterionOutcome.NOT_MET: "NOT MET", CriterionOutcome.CANNOT_TELL: "CAN'T TELL"}
_NEXT_OF_VERDICT = {
    Verdict.VALIDATED: "Nothing has to be done. Consider a larger blast radius, or the same experiment on a schedule.",
    Verdict.REFUTED: "Look at the criteria that were not met, fix what they show, and run the same experiment again.",
    Verdict.INCONCLUSIVE: "Make the undecided criteria measurable (longer fault, more traffic, finer metrics), and run it again.",
    Verdict.INVALID: "Nothing was tested. Fix what the reason names, and run it again.",
    Verdict.ABORTED: "Check that the workload is healthy, find out why the run was aborted, then run it again.",
}
_NEXT_OF_STATUS = {
    Status.REJECTED: "Nothing was injected. Fix what is listed above, then start it again.",
    Status.FAILED: "Squall itself failed. Check that the workload is healthy, then look at the execution in Step Functions.",
    Status.PLANNED: "Nothing was injected: this was a plan. Start it with mode run when you agree.",
}


def make_message(result: Result, record: ExecutionRecord, bucket: str, leftovers: Iterable[object] = ()) -> Message:
    """How a run ended. `leftovers` are what still exists of it, each as `what: command`."""
    outcome = (result.verdict or result.status).value
    place = f" in {result.environment}" if result.environment else ""
    console = Console(record, bucket)
    return Message(
        subject=f"Squall: {outcome}: {result.experiment_name or record.id}{place}",
        facts=_head_facts(result),
        sections=(
            still_there(leftovers),
            Section("Success criteria", tuple(map(_criterion_fact, result.criteria))),
            Section("Safety checks that refused", facts_of(_list_checks(result, passed=False))),
            Section("What was refused", facts_of(map(str, result.problems))),
            Section("Issues", facts_of(_list_issues(result))),
            Section("Safety checks that warned", facts_of(_list_checks(result, passed=True))),
            Section("After the fault", _aftermath_facts(result, record)),
            Section("What to do next", facts_of([_next_step(result, record)])),
            Section("Without a browser", facts_of(console.commands())),
        ),
        links=tuple(_list_links(console)),
        thread=record.id,
        commands=(shell_command("squall", "show", record.id),),
        attributes={
            "status": result.status.value,
            "verdict": result.verdict.value if result.verdict else "none",
            "environment": result.environment or "none",
            "experiment": result.experiment_name or "none",
        },
    )


def _head_facts(result: Result) -> tuple[Fact, ...]:
    hypothesis = {True: "held", False: "did not hold", None: "was not decided"}[result.hypothesis_validated]
    return facts_of(
        [
            f"{result.experiment_name or result.execution_id}: {(result.verdict or result.status).value}",
            f"The hypothesis {hypothesis}. {result.reason}",
            f"status {result.status.value}, exit code {exit_code(result.status, result.verdict)}, execution {result.execution_id}",
        ]
    )


def _criterion_fact(criterion: CriterionResult) -> Fact:
    critical = " (critical)" if criterion.critical else ""
    critical += " [over the observation]" if criterion.window and criterion.window.name == "observation" else ""
    return Fact(f"[{_MARKS[criterion.outcome]}] {criterion.text}{critical}", criterion.reason)


def _list_checks(result: Result, *, passed: bool) -> Iterable[str]:
    """Safety checks that did not pass. If all passed: those that warned."""
    for check in result.safety_checks:
        if check.outcome is CheckOutcome.WARNED if passed else check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED}:
            yield f"{check.name}: {check.detail}"


def _list_issues(result: Result) -> tuple[str, ...]:
    """The issues of the result; empty if a refusal already names them, because every failed check and every problem is
    an issue too."""
    refused = result.problems or any(_list_checks(result, passed=False))
    return () if refused else result.issues_discovered


def _aftermath_facts(result: Result, record: ExecutionRecord) -> tuple[Fact, ...]:
    cost = result.cost
    return facts_of(
        [
            *(_describe_rollback(result.rollback, record) if result.rollback else ()),
            f"Recovery: {result.recovery.detail}" if result.recovery else "",
            f"Cost: about ${cost['total_usd']:.2f} ({cost['action_minutes']:g} FIS action-minutes)" if "total_usd" in cost else "",
        ]
    )


def _describe_rollback(rollback: RollbackReport, record: ExecutionRecord) -> Iterable[str]:
    yield f"Rollback: {rollback.outcome.value}"
    yield from (f"differs: {difference}" for difference in rollback.differences)
    if rollback.automation and rollback.automation.succeeded:
        yield describe_run(rollback.automation)
    elif rollback.automation and record.rollback_command:
        yield f"again, by hand: {record.rollback_command}"
    if rollback.outcome is RollbackOutcome.NOT_RESTORED and rollback.could_have_lasted_until:
        yield f"the fault could last until {rollback.could_have_lasted_until:%Y-%m-%d %H:%M:%S} UTC at most"


def _next_step(result: Result, record: ExecutionRecord) -> str:
    if record.is_trial:
        return "Nothing has to be done: squall doctor tried this way to stop a fault, on a FIS experiment that only waits."
    if result.rollback and result.rollback.outcome is RollbackOutcome.NOT_RESTORED:
        return "First restore by hand what differs, as listed after the fault. Then: " + _plain_next(result)
    return _plain_next(result)


def _plain_next(result: Result) -> str:
    if result.verdict is None:
        return _NEXT_OF_STATUS.get(result.status, _NEXT_OF_STATUS[Status.FAILED])
    if result.verdict is Verdict.VALIDATED and _is_troubled(result):
        return "The hypothesis held. Look at what is listed above all the same: the issues, and what happened after the fault."
    return _NEXT_OF_VERDICT[result.verdict]


def _is_troubled(result: Result) -> bool:
    """Whether something is wrong although the hypothesis held."""
    recovered = result.recovery is None or result.recovery.recovered
    restored = result.rollback is None or result.rollback.outcome is not RollbackOutcome.NOT_RESTORED
    return not recovered or not restored or bool(_list_issues(result))


def _list_links(console: Console) -> Iterable[Link]:
    yield Link("execution", console.execution)
    if console.fault:
        yield Link("fault", console.fault)
    yield Link("result", console.file("result.json"))
    yield Link("report", console.file("report.html"), "there within a minute")
