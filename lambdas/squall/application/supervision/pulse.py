"""The pulse looks after every open run once a minute and on FIS events, so that nothing depends on alarms, events or
the workflow.

For a run whose execution is running, it renews the leases, wakes the workflow when FIS has finished, and aborts when a
guard's metric breaches, a guard can no longer see, or a peer of a run over several Regions has ended early. It closes a
run whose execution has ended. It cleans up after a closed run until nothing is left. Then it sweeps what belongs to no
open run (see `orphans`), and looks after open campaigns (see `campaigns`).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from squall.application.admission.definitions import find_definition
from squall.application.fault.resolved import compare_resolved
from squall.application.metrics.guard_alarms import specify_guards
from squall.application.metrics.read import read_series
from squall.application.regions.barrier import look_after_waiting_part
from squall.application.regions.watch import find_lost_peer
from squall.application.result.record import agreed_result, announce_result, is_told
from squall.application.sentinel import keep_probing
from squall.application.stopping.abort import note_abort, stop_alarms, wake_execution, watched_since
from squall.application.stopping.cleanup import LIST_EXPERIMENTS, Cleanup
from squall.application.stopping.run_faults import RunFaults
from squall.application.supervision.approvals import look_after_approval
from squall.application.supervision.by_tags import list_running_executions, list_tagged_executions, stop_by_tags
from squall.application.supervision.campaigns import look_after_campaigns
from squall.application.supervision.close import close_run
from squall.application.supervision.orphans import Sweep
from squall.application.supervision.run_cleanup import SETTLED_AFTER, RunCleanup
from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.guards import Guards
from squall.domain.documents.metrics.metric_models import Window
from squall.domain.metrics.alarm_settings import find_alarm_changes
from squall.domain.metrics.guard_breach import guard_breaches, list_guard_values, published_end
from squall.domain.metrics.periods import period_of
from squall.domain.metrics.series import combine_series
from squall.domain.policy.environment import Timing
from squall.domain.run.alarm_state import AlarmState, Firing
from squall.domain.run.commands import shell_command
from squall.domain.run.execution_state import BROKEN_OFF, RUNNING, SUCCEEDED, is_broken_off
from squall.domain.run.firing import explain_firing
from squall.domain.run.fis_state import FisExperiment
from squall.domain.run.open_runs import OpenRuns
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

PATIENCE_SECONDS = 35
"""How long a pulse waits, for all ended runs together, for FIS to finish stopping (about 30 s on AWS). Then the next
pulse looks again."""
LOOKING_SECONDS = 50
"""How long a pulse goes on to the next run without a fault. Runs that may have a fault come first, all of them."""


def supervise_runs(w: Wiring) -> dict[str, str]:
    """Look after every open run, sweep, then look after campaigns. Maps the id of a run or campaign, or an orphan, to what
    was done.

    Raises ExceptionGroup at the end for everything that could not be looked after: a problem with one run must not keep
    the others from being looked after.
    """
    done: dict[str, str] = {}
    work = Cleanup(w, survives=(Exception,))
    done |= _look_after_all(w, work)
    if work.leftovers:
        done |= work.attempt("the faults of ended executions", LIST_EXPERIMENTS, _stop_ended_by_tags, w) or {}
    sweep = Sweep(w)
    work.attempt("the sweep", "squall status", sweep.run)
    done |= {orphan.key: "swept" for orphan in sweep.removed} | {left.label: f"left: {left.reason}" for left in sweep.left}
    done |= look_after_campaigns(w, work)
    failures = [*work.failures, *sweep.failures]
    if failures:
        raise ExceptionGroup(f"{len(failures)} things could not be looked after; done: {done}", failures)
    return done


def _look_after_all(w: Wiring, work: Cleanup) -> dict[str, str]:
    """Look after every run that may have a fault, by its record or by FIS's list, then after others while there is
    time."""
    began, done = w.clock.now(), dict[str, str]()
    runs = work.attempt("the list of open executions", "squall status", w.records.open_ids) or OpenRuns()
    running = (
        work.attempt("the list of FIS experiments", LIST_EXPERIMENTS, list_running_executions, w) if [*runs] else None
    ) or frozenset()
    runs = runs.put_first(running)
    waiting, patience = runs.waiting_in_turn(began), began + timedelta(seconds=PATIENCE_SECONDS)
    for position, id_ in enumerate((*runs.with_fault, *waiting), start=-len(runs.with_fault)):
        if position >= 0 and w.clock.now() - began > timedelta(seconds=LOOKING_SECONDS):
            done["other waiting runs"] = f"{len(waiting) - position} are left to the next pulse"
            break
        outcome = work.attempt(id_, shell_command("squall", "status", id_), look_after, w, id_, patience, runs=id_ in running)
        if outcome is not None:
            done[id_] = outcome
    return done


def _stop_ended_by_tags(w: Wiring) -> dict[str, str]:
    """Stop faults without the table, in case it is broken: FIS's tags name the execution, and Step Functions says
    whether it has ended.

    An execution that Step Functions does not know by the id of its record (its name was used before, or is illegal)
    counts as running. Raises Unavailable, Refused.
    """
    statuses = {id_: w.workflow.status(w.settings.execution_arn(id_)) for id_ in list_tagged_executions(w)}
    ended = frozenset(id_ for id_, status in statuses.items() if status not in {None, RUNNING})
    left = stop_by_tags(w, ended, datetime.min.replace(tzinfo=UTC)) if ended else ()
    return dict.fromkeys(ended, "left: " + "; ".join(map(str, left)))


def look_after(w: Wiring, execution_id: str, patience: datetime | None = None, *, runs: bool = False) -> str:
    """Close a run (waiting for FIS until `patience`), clean up after it, or watch it. Returns what was done.

    `runs`: whether FIS lists an experiment of the run that has not ended, whatever the record says.
    """
    record = w.records.get(execution_id)
    if record is None:
        return "no record"
    if record.final:
        return _clean_up(w, record)
    status = w.workflow.status(record.execution_arn)
    if is_broken_off(status, record.started_at, w.clock.now()):
        return _close_run(w, record, f"the execution is {status or 'unknown to Step Functions'}", patience, failed=status != "ABORTED")
    if status == SUCCEEDED:
        return _close_run(w, record, "the execution ended without recording", patience, failed=True)
    timing = _find_timing(w, record)
    held = _renew_leases(w, record, timing)
    try:
        return _look_after_running(w, record, timing, held=held, runs=runs)
    finally:  # watching the guards comes first; if the sentinel can't be looked after, its guards go blind and abort
        keep_probing(w, record)


def _look_after_running(w: Wiring, record: ExecutionRecord, timing: Timing, *, held: bool, runs: bool) -> str:
    recorded = record.fis_experiment_id is not None and record.fault_ended_at is None
    if not runs and not recorded:
        if record.part and record.ready_at and record.fault_ended_at is None:
            return look_after_waiting_part(w, record, record.part)
        return look_after_approval(w, record) if record.status is Status.AWAITING_APPROVAL else "alive"
    return _watch_run(w, record, timing, held=held)


def _close_run(w: Wiring, record: ExecutionRecord, reason: str, patience: datetime | None, *, failed: bool) -> str:
    wait = max(0, int((patience - w.clock.now()).total_seconds())) if patience else 0
    close_run(w, record.id, by="pulse", reason=reason, failed=failed, wait_seconds=wait)
    return "closed"


def _clean_up(w: Wiring, record: ExecutionRecord) -> str:
    # Whoever closed the run could not wake its execution, which would sleep for the fault's whole time.
    if record.task_token:
        w.workflow.wake(record.task_token)
        w.records.clear_token(record.id, record.token_generation)
    leftovers = RunCleanup(w, record).run()
    if leftovers:
        until = w.clock.now() + timedelta(seconds=_find_timing(w, record).lease_seconds)
        # While a fault may be running, nobody else gets its failure domain.
        w.locks.renew(record.lock_keys, record.id, until)
    if record.closed_by:
        agreed_result(w, record)  # a Record that was still running may have written another
    if not is_told(record) and _nobody_else_tells(w, record):
        announce_result(w, record, leftovers)
    return "left: " + "; ".join(left.description for left in leftovers) if leftovers else "swept"


def _nobody_else_tells(w: Wiring, record: ExecutionRecord) -> bool:
    """Whether nobody else will send the final message: Notify, or the function that closed the run, has had enough
    time, or the execution ended before Notify."""
    ended = record.ended_at or record.started_at
    return w.clock.now() - ended > SETTLED_AFTER or (not record.closed_by and w.workflow.status(record.execution_arn) in BROKEN_OFF)


def _find_timing(w: Wiring, record: ExecutionRecord) -> Timing:
    try:
        definition = find_definition(w, record)
    except (Unavailable, Refused):  # without S3 a run is still watched, with the default timing
        definition = None
    return definition.environment.timing if definition else Timing()


def _renew_leases(w: Wiring, record: ExecutionRecord, timing: Timing) -> bool:
    until = w.clock.now() + timedelta(seconds=timing.lease_seconds)
    if record.slot is not None:
        w.locks.renew_slot(record.slot, record.id, until)
    return not record.lock_keys or w.locks.renew(record.lock_keys, record.id, until)


def _watch_run(w: Wiring, record: ExecutionRecord, timing: Timing, *, held: bool) -> str:
    work = Cleanup(w)
    faults = RunFaults(work, record.id)
    faults.find_all(record)
    if not faults.running:
        if work.failures:
            raise work.failures[0]
        wake_execution(w, record.id)
        return "woken: FIS has ended"
    why = record.abort or (None if held else _make_abort(w, AbortSource.OUTSIDE, "the lock on the failure domain was lost"))
    try:
        why = why or _first_answer(
            lambda: _find_other_target(w, record, faults.running),
            lambda: _find_blind_guard(w, record, timing),
            lambda: _find_breach(w, record, timing),
            lambda: find_lost_peer(w, record),
        )
    except (Unavailable, Refused) as error:
        why = _make_abort(w, AbortSource.BLIND_GUARD, f"the guards could not be judged: {error}")
    if why is None:
        return "watched"
    faults.stop_found()
    note_abort(w, record.id, why, faults.stopped, w.clock.now())
    wake_execution(w, record.id)
    if work.failures:
        raise work.failures[0]
    return f"aborted: {why.reason}"


def _first_answer(*questions: Callable[[], Abort | None]) -> Abort | None:
    return next((answer for question in questions if (answer := question()) is not None), None)


def _make_abort(w: Wiring, source: AbortSource, reason: str, by: str = "pulse") -> Abort:
    return Abort(source, reason, w.clock.now(), by)


def _find_other_target(w: Wiring, record: ExecutionRecord, running: Iterable[FisExperiment]) -> Abort | None:
    """The reason to abort because FIS hits something other than what was pinned; None if it does not. Also of an experiment that
    StartFault could not record. The next pulse asks again, and so does StopFault in the end.

    Without the documents that say what was pinned the guards can't be judged either, which aborts the run.
    """
    try:
        return _first_answer(*(partial(compare_resolved, w, record, fis, "pulse") for fis in running))
    except (Unavailable, Refused) as error:
        if not record.happened(EventName.RESOLVED_TARGETS_UNKNOWN):
            w.records.append(record.id, [Event(w.clock.now(), EventName.RESOLVED_TARGETS_UNKNOWN, str(error))])
        return None


def _find_blind_guard(w: Wiring, record: ExecutionRecord, timing: Timing) -> Abort | None:
    """The reason to abort because of a guard: it was deleted or disabled, it fired unnoticed, or it has no data. None
    if all guards are in order."""
    names = (*stop_alarms(w, record), *record.guard_names)  # a stop alarm is named before our guard on it
    try:
        states = w.alarms.states(names)
    except (Unavailable, Refused) as error:
        return _make_abort(w, AbortSource.BLIND_GUARD, f"the guards could not be read: {error}")
    grace = timedelta(seconds=2 * timing.metric_period_seconds + timing.alarm_evaluation_seconds)
    for name in names:
        state = states.get(name)
        if state is None:
            return _make_deletion(w, name)
        # A user's own alarm acts by FIS's stop condition alone.
        if not state.actions_enabled and name in record.guard_names:
            return _make_abort(w, AbortSource.BLIND_GUARD, f"the actions of guard {name} were disabled", name)
        if (firing := _find_firing(w, record, state)) is not None:
            return _make_abort(w, *explain_firing(f"guard {name}", firing.reason), name)
        silent = state.updated_at is None or w.clock.now() - state.updated_at > grace
        if state.state != "OK" and silent and (name in record.guard_names or _has_changed(record, state)):
            return _make_abort(w, AbortSource.BLIND_GUARD, f"guard {name} has no data", name)
    return None


def _find_firing(w: Wiring, record: ExecutionRecord, state: AlarmState) -> Firing | None:
    """How a guard fired since the fault began, also if it is OK again; None if it did not fire. Its history is read only
    if its state has changed since.
    """
    if state.state == "ALARM":
        return Firing(state.updated_at or w.clock.now(), state.reason)
    return w.alarms.fired_since(state.name, watched_since(record)) if _has_changed(record, state) else None


def _has_changed(record: ExecutionRecord, state: AlarmState) -> bool:
    """Whether the alarm changed its state after FinalCheck. The policy may have accepted a user's alarm that had no
    data then.
    """
    return state.updated_at is not None and state.updated_at >= watched_since(record)


def _find_breach(w: Wiring, record: ExecutionRecord, timing: Timing) -> Abort | None:
    """The reason to abort because a guard's alarm is not as specified, or because its metric breaches; None if there is
    none.

    The guards are specified again from the definition and the discovery, which the roles that create the alarms can't
    write.
    """
    definition, discovery = find_definition(w, record), w.documents.get(record.id, Discovery)
    if definition is None or discovery is None:
        return _make_abort(w, AbortSource.BLIND_GUARD, "the documents that specify the guards are gone from S3")
    guards = specify_guards(record.id, w.settings.stack, definition, discovery)
    if changed := _find_changed_guard(w, guards):
        return changed
    for guard in guards.guards:
        binding = next((b for b in discovery.bindings if b.name == guard.metric), None)
        if binding is None:
            return _make_abort(w, AbortSource.BLIND_GUARD, f"nothing measures guard {guard.name}", guard.name)
        period = period_of(binding, timing)
        end = published_end(w.clock.now().timestamp(), binding.lag_seconds, period)
        window = Window(name="fault", start=end - guard.evaluation_periods * period, end=end, period_seconds=period)
        points = combine_series(binding, read_series(w.metrics, [binding], window)[binding.name], period)
        values = list_guard_values(guard, points, end, period)
        if not guard_breaches(guard, values):
            continue
        if not values:
            return _make_abort(w, AbortSource.BLIND_GUARD, f"guard {guard.name}: the pulse saw no data of its metric", guard.name)
        return _make_abort(w, AbortSource.GUARD, f"guard {guard.name}: the pulse saw {guard.condition!r} in the metric itself", guard.name)
    return None


def _make_deletion(w: Wiring, name: str) -> Abort:
    return _make_abort(w, AbortSource.BLIND_GUARD, f"guard {name} was deleted", name)


def _find_changed_guard(w: Wiring, guards: Guards) -> Abort | None:
    """The reason to abort because an alarm is not what the guard has to be: it would fire late or never."""
    states = w.alarms.states(guards.names)
    for guard in guards.every:
        state = states.get(guard.name)
        if state is None:
            return _make_deletion(w, guard.name)
        if changes := find_alarm_changes(guard, state.settings):
            return _make_abort(w, AbortSource.BLIND_GUARD, f"guard {guard.name} was changed: {', '.join(changes)}", guard.name)
    return None
