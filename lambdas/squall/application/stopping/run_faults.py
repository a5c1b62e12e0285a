"""Finds what FIS has of one run, wherever it is: templates and experiments that carry the run's tag.

The record, the description of a guard and FIS's own lists are only places to look, and each of them may be wrong or
incomplete. The tags `squall:stack` and `squall:execution` decide whose something is. If the record names something that
carries another tag, it is left alone, and this is reported.

Imports nothing heavy, because the abort function loads it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from squall.application.stopping.cleanup import Cleanup, delete_template
from squall.domain.run.commands import read_experiment_command, read_template_command, stop_experiment_command
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.record import ExecutionRecord
from squall.wiring import Wiring

_FIRST = datetime.min.replace(tzinfo=UTC)


class RunFaults:
    """Finds and stops the experiments of one run. `cleanup` keeps what FIS could not be asked, and what was left
    alone."""

    def __init__(self, cleanup: Cleanup, execution_id: str) -> None:
        self._cleanup = cleanup
        self._stack = cleanup.w.settings.stack
        self._execution_id = execution_id
        self._found: dict[str, FisExperiment] = {}
        self.stopped: list[str] = []
        """Ids of the experiments that FIS was asked to stop here."""

    @property
    def experiments(self) -> list[FisExperiment]:
        """The run's experiments found so far, the oldest first."""
        return sorted(self._found.values(), key=lambda fis: fis.created_at or fis.started_at or _FIRST)

    @property
    def running(self) -> list[FisExperiment]:
        return [fis for fis in self.experiments if not fis.terminal]

    def find_all(self, record: ExecutionRecord | None) -> None:
        """Look everywhere: what the record names, then FIS's list by tag."""
        if record is not None:
            self.find_recorded(record)
        self.find_tagged()

    def find_recorded(self, record: ExecutionRecord) -> None:
        """Look at what the record names. FIS answers for an id at once, also where its lists are behind."""
        if record.fis_experiment_id and record.fis_experiment_id not in self._found:
            named = record.fis_experiment_id
            fis = self._cleanup.attempt(f"state of {named}", read_experiment_command(named), self._cleanup.w.faults.get, named)
            self._keep_own([fis] if fis else [], f"the record of {self._execution_id}")
        if record.template_id:
            self.find_in_template(record.template_id)

    def find_in_template(self, template_id: str) -> None:
        """Look at the experiments that were started from a template. It does not matter where its id comes from."""
        self._keep_own(self._cleanup.list_experiments_of(template_id), f"template {template_id}")

    def find_tagged(self) -> None:
        """Look for the run's tag in FIS's list of all experiments."""
        self._keep_own(self._cleanup.list_experiments_of_run(self._execution_id), "FIS's list")

    def stop_found(self) -> list[str]:
        """Ask FIS to stop what was found and is running. Returns the ids of those that it was asked to stop now."""
        asked = [fis.id for fis in self.running if fis.stoppable and fis.id not in self.stopped and self._cleanup.stop_experiment(fis.id)]
        self.stopped += asked
        return asked

    def _keep_own(self, experiments: Iterable[FisExperiment], named_by: str) -> None:
        for fis in experiments:
            if fis.belongs_to(self._stack, self._execution_id):
                self._found.setdefault(fis.id, fis)
            elif not fis.terminal:
                self._leave_alone(fis, named_by)

    def _leave_alone(self, fis: FisExperiment, named_by: str) -> None:
        """Another run's experiment is none of this run's business. One that nobody owns may hit this run's targets."""
        label, owner = f"FIS experiment {fis.id}", fis.tags.get("squall:execution")
        if owner:
            self._cleanup.refuse(label, read_experiment_command(fis.id), f"{named_by} leads to it, its tag says {owner}: left alone")
        else:
            reason = f"{named_by} leads to it, it has no tag of an execution: not stopped, {fis.status}"
            self._cleanup.leave(label, stop_experiment_command(fis.id), reason)


def list_run_experiments(w: Wiring, record: ExecutionRecord) -> Sequence[FisExperiment]:
    """Every experiment of the run, the oldest first. Raises Unavailable or Refused if FIS could not be asked
    everything."""
    cleanup = Cleanup(w)
    faults = RunFaults(cleanup, record.id)
    faults.find_all(record)
    if cleanup.failures:
        raise cleanup.failures[0]
    return faults.experiments


def delete_templates(cleanup: Cleanup, execution_id: str, named: str | None) -> list[str]:
    """Delete every template with the run's tag, so that nothing can start any more. Returns the ids of those that FIS
    deleted now.

    `named` is the template that the record names. It is deleted also where FIS's list does not have it, because the
    list may be behind or may fail, and a template that stays could still be started. If the list says that it is
    another run's, it is left alone. A function beside the class, because an abort deletes no template and its role may
    not.
    """
    owners = {template.id: template.execution_id for template in cleanup.list_templates()}
    if named and owners.setdefault(named, execution_id) != execution_id:
        reason = f"the record of {execution_id} names it, its tag says {owners[named]}: left alone"
        cleanup.refuse(f"FIS template {named}", read_template_command(named), reason)
    own = [template_id for template_id, owner in owners.items() if owner == execution_id]
    return [template_id for template_id in own if delete_template(cleanup, template_id)]
