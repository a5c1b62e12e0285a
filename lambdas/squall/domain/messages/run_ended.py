"""The notification a person reads: verdict first, then the numbers, then what to do. Links are console links, never presigned."""

from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.result import Result
from squall.domain.judging.verdict import exit_code
from squall.domain.messages.console import Console
from squall.domain.recovery.rollback_document import said
from squall.domain.run.record import ExecutionRecord
from squall.domain.vocabulary import CheckOutcome, CriterionOutcome, RollbackOutcome, Status, Verdict

LONGEST_SUBJECT = 99
LONGEST_ATTRIBUTE = 256
_MARKS = {CriterionOutcome.MET: "met", CriterionOutcome.NOT_MET: "NOT MET", CriterionOutcome.CANNOT_TELL: "CAN'T TELL"}
_GOOD = {CheckOutcome.PASSED, CheckOutcome.WARNED}
_NEXT_OF_VERDICT = {
    Verdict.VALIDATED: "Nothing has to be done. Consider a larger blast radius, or the same experiment on a schedule.",
    Verdict.REFUTED: "Look at the criteria that were not met, mend what they show, and run the same experiment again.",
    Verdict.INCONCLUSIVE: "Make measurable what could not be told (longer fault, more traffic, finer metrics), and run it again.",
    Verdict.INVALID: "Nothing was tested. Mend what the reason names, and run it again.",
    Verdict.ABORTED: "Check that the workload is well, find out why it was aborted, then run it again.",
}
_NEXT_OF_STATUS = {
    Status.REJECTED: "Nothing was injected. Mend what is listed above, then start it again.",
    Status.FAILED: "Check that the workload is well. Then look at the execution in Step Functions: Squall itself failed.",
    Status.PLANNED: "Nothing was injected: this was a plan. Start it with mode run when you agree.",
}


def message(result: Result, record: ExecutionRecord, bucket: str) -> tuple[str, str, dict[str, str]]:
    """Subject, body and message attributes (status, verdict, environment, experiment) to filter subscriptions by."""
    word = (result.verdict or result.status).value
    place = f" in {result.environment}" if result.environment else ""
    subject = one_line(f"Squall: {word}: {result.experiment_name or record.id}{place}")[:LONGEST_SUBJECT]
    sections = [
        _head(result),
        _criteria(result),
        _trouble(result),
        _warnings(result),
        _after(result, record),
        ["What to do next", f"  {_next(result)}"],
        _where(Console(record, bucket)),
    ]
    body = "\n\n".join("\n".join(section) for section in sections if section)
    attributes = {
        "status": result.status.value,
        "verdict": result.verdict.value if result.verdict else "none",
        "environment": result.environment or "none",
        "experiment": one_line(result.experiment_name or "none")[:LONGEST_ATTRIBUTE],
    }
    return subject, body, attributes


def _head(result: Result) -> list[str]:
    hypothesis = {True: "held", False: "did not hold", None: "was not decided"}[result.hypothesis_validated]
    return [
        f"{result.experiment_name or result.execution_id}: {(result.verdict or result.status).value}",
        f"The hypothesis {hypothesis}. {result.reason}",
        f"status {result.status.value}, exit code {exit_code(result.status, result.verdict)}, execution {result.execution_id}",
    ]


def _criteria(result: Result) -> list[str]:
    return ["Success criteria", *(_criterion(criterion) for criterion in result.criteria)] if result.criteria else []


def _criterion(criterion: CriterionResult) -> str:
    critical = " (critical)" if criterion.critical else ""
    return f"  [{_MARKS[criterion.outcome]}] {criterion.text}{critical}\n      {criterion.reason}"


def _trouble(result: Result) -> list[str]:
    failed = [f"  {check.name}: {check.detail}" for check in result.safety_checks if check.outcome not in _GOOD]
    refused = [f"  {problem}" for problem in result.problems]
    lines = [*(["Safety checks that refused", *failed] if failed else []), *(["What was refused", *refused] if refused else [])]
    if lines or not result.issues_discovered:
        return lines
    return ["Issues", *(f"  {issue}" for issue in result.issues_discovered)]


def _warnings(result: Result) -> list[str]:
    warned = [f"  {check.name}: {check.detail}" for check in result.safety_checks if check.outcome is CheckOutcome.WARNED]
    return ["Safety checks that warned", *warned] if warned else []


def _after(result: Result, record: ExecutionRecord) -> list[str]:
    lines = []
    if result.rollback:
        lines.append(f"Rollback: {result.rollback.outcome.value}")
        lines += [f"  {difference}" for difference in result.rollback.differences]
        if result.rollback.automation and result.rollback.automation.succeeded:
            lines.append(f"  {said(result.rollback.automation)}")
        if result.rollback.automation and record.rollback_command and not result.rollback.automation.succeeded:
            lines.append(f"  again, by hand: {record.rollback_command}")
        if result.rollback.outcome is RollbackOutcome.NOT_RESTORED and result.rollback.could_have_lasted_until:
            lines.append(f"  the fault could last until {result.rollback.could_have_lasted_until:%Y-%m-%d %H:%M:%S} UTC at most")
    if result.recovery:
        lines.append(f"Recovery: {result.recovery.detail}")
    if "total_usd" in result.cost:
        lines.append(f"Cost: about ${result.cost['total_usd']:.2f} ({result.cost['action_minutes']:g} FIS action-minutes)")
    return lines


def _next(result: Result) -> str:
    if result.rollback and result.rollback.outcome is RollbackOutcome.NOT_RESTORED:
        return "First restore by hand what is listed under Rollback. Then: " + _plain_next(result)
    return _plain_next(result)


def _plain_next(result: Result) -> str:
    if result.verdict is not None:
        return _NEXT_OF_VERDICT[result.verdict]
    return _NEXT_OF_STATUS.get(result.status, _NEXT_OF_STATUS[Status.FAILED])


def _where(console: Console) -> list[str]:
    links = [("execution", console.execution), ("fault", console.fault), ("result", console.file("result.json"))]
    lines = [f"  {label + ':':<10} {url}" for label, url in links if url]
    report = f"  {'report:':<10} {console.file('report.html')} (there within a minute)"
    return ["Where to look", *lines, report, *(f"  {command}" for command in console.commands())]


def one_line(text: str) -> str:
    """Experiment names are the user's: SNS refuses a subject with a line break or a control character."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
