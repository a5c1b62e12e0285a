"""Halts the stack: first the flag, so that nothing starts any more; then every fault is stopped; then records and
people.

A halt works without the table, the workflow or the topic. The answer names each of them that is broken, and the rest
goes on. Imports nothing heavy, like the abort path.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from squall.application.stopping.abort import note_abort, wake_execution
from squall.application.stopping.cleanup import Cleanup
from squall.application.stopping.flag_change import COPY, FLAG, LEVER, LEVER_REASON_CHARACTERS, NOT_ASKED, FlagChange
from squall.application.stopping.halt_request import HaltRequest
from squall.domain.base.vocabulary import AbortSource
from squall.domain.messages.halted import HaltChange
from squall.domain.run.commands import read_experiment_command, shell_command
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.halt import Lever, lever_mark, move_lever_command, put_flag_command
from squall.domain.run.record import Abort, ExecutionRecord
from squall.wiring import Wiring

LOOKS = 3
LOOK_SECONDS = 2
RECORDING = timedelta(seconds=50)
"""How much of the function's time the table may take."""


def halt_stack(w: Wiring, request: HaltRequest) -> dict[str, Any]:
    """Engage the flag, stop faults, record the aborts, wake the workflows, notify people. Never raises: the answer says
    what could not be done.
    """
    work = _HaltWork(w, request)
    command = put_flag_command(w.settings.stack, engaged=True)
    engaged = work.set_flag(FLAG, command, w.halt_flag.engage)
    lever = work.engage_lever() if w.settings.safety_lever else NOT_ASKED
    work.stop_listed()  # first by FIS's own word: the table may be the part that hangs
    engaged |= work.set_flag(COPY, command, w.halt_copy.engage)
    records = work.list_open_records()
    work.stop_recorded(records)
    work.abort_all(records)  # before anybody can find a stopped fault without a reason
    work.stop_late()
    work.abort_all(records)
    statuses = work.read_statuses()
    stopped = [{"experiment": fis, "execution_id": run, "status": statuses[fis]} for fis, run in work.stopped.items()]
    aborted = [execution for execution, recorded in work.aborted.items() if recorded]
    work.tell("HALTED" if engaged else "NOT HALTED", lever, aborted, statuses)
    return {"engaged": engaged, **work.origin, "lever": lever, "stopped": stopped, "aborted": aborted, "failed": work.failed}


class _HaltWork(FlagChange):
    """One halt: what was asked for, what was stopped, and what could not be done."""

    def __init__(self, w: Wiring, request: HaltRequest) -> None:
        super().__init__(w, request)
        self.stopped: dict[str, str] = {}
        """FIS experiment id to execution id; the execution id is empty if it is not known."""
        self.aborted: dict[str, bool] = {}
        """Execution id to whether the halt is now its reason to abort."""

    def engage_lever(self) -> str:
        reason = f"{lever_mark(self.w.settings.stack)} by {self._request.by}: {self._request.reason}"[:LEVER_REASON_CHARACTERS]
        moved = self.attempt(LEVER, move_lever_command(reason, engaged=True), self.w.lever.set, Lever(True, reason))
        if moved is None:
            return "could not be engaged"
        return "engaged" if moved else "was engaged before"

    def stop_listed(self) -> None:
        """Stop the experiments that FIS lists as this stack's."""
        for fis in self._list_running():
            self._stop(fis.id, fis.tags.get("squall:execution", ""))

    def stop_recorded(self, records: Sequence[ExecutionRecord]) -> None:
        """Stop the experiments of the open records as well, because FIS's listing may have failed, or lag."""
        for record in records:
            if record.fis_experiment_id and record.fis_experiment_id not in self.stopped:
                fis = self.attempt(f"FIS experiment {record.fis_experiment_id}", "", self.w.faults.get, record.fis_experiment_id)
                if fis is not None and fis.tags.get("squall:stack") != self.w.settings.stack:
                    reason = f"the record of {record.id} names it, it is not this stack's: left alone"
                    self.refuse(f"FIS experiment {fis.id}", read_experiment_command(fis.id), reason)
                elif fis is None or fis.stoppable:
                    self._stop(record.fis_experiment_id, fis.tags.get("squall:execution", "") if fis else record.id)

    def stop_late(self) -> None:
        """Look again until nothing new is found. FIS may list late what started during the halt, and a failed call may
        work now.
        """
        for _ in range(LOOKS):
            self.w.clock.sleep(LOOK_SECONDS)
            before = len(self.stopped)
            self.stop_listed()
            if len(self.stopped) == before and not self.leftovers:
                return

    def list_open_records(self) -> list[ExecutionRecord]:
        """Records in the open index whose fault is not over; empty if the table can't be read."""
        ids = self.attempt("the list of open executions", "squall status", self.w.records.open_ids) or ()
        records = [self.attempt(f"execution {id_}", shell_command("squall", "status", id_), self.w.records.get, id_) for id_ in ids]
        return [record for record in records if record is not None and not record.final and record.fault_ended_at is None]

    def abort_all(self, records: Sequence[ExecutionRecord]) -> None:
        """Record the halt as the reason to abort every run that was stopped or has not started its fault yet."""
        stopped = [execution for execution in self.stopped.values() if execution]
        for execution_id in dict.fromkeys([*stopped, *(record.id for record in records)]):
            if execution_id not in self.aborted:
                command = shell_command("squall", "abort", execution_id)
                recorded = self.attempt(f"the record of {execution_id}", command, self._abort, execution_id)
                if recorded is not None:
                    self.aborted[execution_id] = recorded

    def read_statuses(self) -> dict[str, str]:
        """What FIS says now of each experiment that it was asked to stop: `stopping` until it is over."""
        reading = Cleanup(self.w, survives=(Exception,))  # not to know it is no failure of the halt
        read = {id_: reading.attempt(f"state of {id_}", read_experiment_command(id_), self.w.faults.get, id_) for id_ in self.stopped}
        return {id_: fis.status if fis else "unknown" for id_, fis in read.items()}

    def tell(self, outcome: str, lever: str, aborted: Sequence[str], statuses: Mapping[str, str]) -> None:
        change = HaltChange(
            outcome=outcome,
            stack=self.w.settings.stack,
            by=self._request.by,
            reason=self._request.reason,
            lever=lever if lever != NOT_ASKED else "",
            stopped={fis: f"{run}: {statuses[fis]}" for fis, run in self.stopped.items()},
            aborted=aborted,
            not_done=map(str, (*self.leftovers, *self.refused)),
        )
        self.notify(change)

    def _list_running(self) -> list[FisExperiment]:
        """This stack's running experiments, as FIS lists them: first those of our templates, which are few, then among
        all active ones.
        """
        running = {fis.id: fis for template in self.list_templates() for fis in self.list_experiments_of(template.id)}
        running |= {fis.id: fis for fis in self.list_active_experiments()}
        return [fis for fis in running.values() if fis.stoppable]

    def _stop(self, experiment_id: str, execution_id: str) -> None:
        if experiment_id not in self.stopped and self.stop_experiment(experiment_id):
            self.stopped[experiment_id] = execution_id

    def _abort(self, execution_id: str) -> bool:
        now = self.w.clock.now()
        if now - self._now > RECORDING:
            raise TimeoutError("the table is too slow: the rest of the time is needed to notify people")
        experiments = [fis for fis, execution in self.stopped.items() if execution == execution_id]
        reason = f"halted by {self._request.by}: {self._request.reason}"
        recorded = note_abort(self.w, execution_id, Abort(AbortSource.HALT, reason, now, self._request.by), experiments, now)
        wake_execution(self.w, execution_id)
        return recorded
