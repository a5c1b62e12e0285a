"""The functions of a deployed stack that a person calls: abort, halt, resume, approve, note, report,
schedule."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from cli.aws.calls import explain_failures, make_client
from cli.aws.catalogue import Deployed
from cli.aws.proof import sign_statement
from cli.errors import CommandError
from cli.text import clean_line
from squall.domain.approval.identity_proof import Statement
from squall.domain.run.halt import put_flag_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squall.domain.approval.votes import Decision

FunctionName = Literal["abort", "halt", "resume", "approve", "note", "report", "schedule"]


class StackFunctions:
    """Calls the stack's functions by the names in its outputs. Methods raise CommandError, which says what to do
    next."""

    def __init__(self, session: Any, stack: str, outputs: Mapping[str, str], *, local_hint: bool = False) -> None:
        self._session, self.stack, self._local_hint = session, stack, local_hint
        self._outputs = outputs
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    def client(self, service: str) -> Any:
        """The client of an AWS service, made once."""
        if service not in self._clients:
            self._clients[service] = make_client(self._session, service)
        return self._clients[service]

    def caller(self) -> str:
        """The ARN of whoever runs this command, from STS."""
        with self._explained():
            return str(self.client("sts").get_caller_identity()["Arn"])

    def abort(self, execution_id: str, reason: str, requested_by: str) -> Any:
        """Calls the abort function and returns its answer."""
        payload = {"execution_id": execution_id, "reason": reason, "requested_by": requested_by}
        hint = f"Try again; or stop the FIS experiment tagged squall:execution={execution_id} in the FIS console."
        return self._invoke("abort", payload, hint)

    def abort_campaign(self, campaign_id: str, reason: str, requested_by: str) -> Any:
        """Has the abort function start no further step of a campaign and abort the running ones; returns its answer."""
        payload = {"campaign_id": campaign_id, "reason": reason, "requested_by": requested_by}
        return self._invoke("abort", payload, "Try again; or `squall halt`, which stops every fault and starts nothing more.")

    def write_note(self, campaign_id: str, text: str, requested_by: str, *, answers: str = "", stops: bool = False) -> Any:
        """Records a note about a campaign, or the answer to the prompt that waits; returns the function's answer."""
        payload = {"campaign_id": campaign_id, "text": text, "requested_by": requested_by, "answers": answers, "stops": stops}
        return self._invoke("note", payload, "Try again.")

    def halt(self, reason: str, requested_by: str, *, engage: bool) -> Any:
        """Calls the halt function, or to resume the resume function, and returns its answer."""
        rest = (
            "then stop each FIS experiment of the stack: docs/by-hand.md has the commands." if engage else "docs/by-hand.md has the rest."
        )
        hint = f"By hand: {put_flag_command(self.stack, engaged=engage)}; {rest}"
        payload = {"action": "halt" if engage else "resume", "reason": reason, "requested_by": requested_by}
        try:
            return self._invoke("halt" if engage else "resume", payload, "Try again.")
        except CommandError as error:
            error.hint = f"{error.hint} {hint}".strip()
            raise

    def vote(self, execution_arn: str, execution_id: str, plan: str, decision: Decision, comment: str) -> Any:
        """Signs the caller's answer to a request for approval, sends it, and returns the approve function's answer.

        `plan` is the hash of the plan that the request is about.
        """
        with self._explained():
            endpoint = str(self.client("sts").meta.endpoint_url)
            statement = Statement(execution_arn, plan, decision, comment)
            proof = sign_statement(self._session.get_credentials(), endpoint, self.region, statement)
        payload = {"execution_id": execution_id, "plan": plan, "decision": decision.value, "comment": comment, "proof": proof}
        return self._invoke("approve", payload, f"`squall status {execution_id}` shows whether it is recorded; if not, try again.")

    def report_period(self, period: Mapping[str, Any]) -> Any:
        """Has the report of a period made. Returns `{"report": …, "files": [S3 key, …]}`."""
        return self._invoke("report", {"period": period}, "Try a shorter period; the function's log has the details.")

    def deployed(self) -> Deployed | None:
        """What is deployed; None if the stack can't be asked: it is older, or the caller may not invoke its report
        function."""
        try:
            answer = self._invoke("report", {"catalogue": {}}, "")
        except CommandError:
            return None
        names = answer.get("catalogue") if isinstance(answer, dict) else None
        if not isinstance(names, list):
            return None
        environments = answer.get("environments")
        policies = {str(name): str(word) for name, word in environments.items()} if isinstance(environments, dict) else None
        campaigns = answer.get("campaigns")
        known = tuple(str(name) for name in campaigns) if isinstance(campaigns, list) else None
        over: Mapping[str, Any] = answer.get("regions") or {}
        regions = {str(name): tuple(map(str, named)) for name, named in over.get("experiments", {}).items()}
        runs = {str(name): str(experiment) for name, experiment in over.get("campaigns", {}).items()}
        return Deployed(tuple(str(name) for name in names), policies, known, regions, runs)

    def align_schedules(self) -> Any:
        """Has the schedules of what is published brought in line with the catalogue. Returns `{"scheduled": [name, …],
        "removed": [name, …], "problems": {name: sentence}}`."""
        return self._invoke("schedule", {}, "Try again.")

    def make_report(self, execution_id: str) -> None:
        """Has the report of a finished run written, or written again."""
        self._invoke("report", {"execution_id": execution_id}, f"The result is not affected: `squall show {execution_id}`.")

    def make_campaign_report(self, campaign_id: str) -> None:
        """Has the report of a finished campaign written, or written again."""
        self._invoke("report", {"campaign_id": campaign_id}, f"The result is not affected: `squall campaign show {campaign_id} --json`.")

    def _invoke(self, name: FunctionName, payload: Mapping[str, Any], hint: str) -> Any:
        """Returns the function's answer; raises CommandError, with `hint` if the function itself failed."""
        function = self._outputs.get(f"{name.capitalize()}FunctionName")
        if function is None:
            raise CommandError(f"The stack {clean_line(self.stack)} has no {name} function yet.", "`make deploy` adds it.")
        with self._explained():
            response = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))
            answer = json.loads(response["Payload"].read() or b"null")
        if response.get("FunctionError"):
            message = answer.get("errorMessage", "") if isinstance(answer, dict) else answer
            raise CommandError(f"The {name} function failed: {clean_line(message, 500)}", hint)
        return answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with explain_failures(local_hint=self._local_hint):
            yield
