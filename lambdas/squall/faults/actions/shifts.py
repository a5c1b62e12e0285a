"""Shifts load balancers, EKS clusters and Auto Scaling groups away from a zone, as AWS does when it finds a zone impaired. The
first two lose their traffic in the zone; a group only stops launching there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.documents.rollback import Proof
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.shiftable import BY_FIS, ZONE_PARAMETER, ShiftableResource, ZonalShift
from squall.domain.resources.types import join_ids
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import ActionState
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import FaultGrant, format_arn, grant_untagged

_ACTIVE, _CANCELED = "ACTIVE", "CANCELED"
_KINDS, _GROUP = "managedResourceTypes", "ASG"
_RENEWED = timedelta(minutes=1)
"""For how long FIS sets a shift, before it renews it."""
_SHIFTING = ("arc-zonal-shift:StartZonalShift", "arc-zonal-shift:UpdateZonalShift", "arc-zonal-shift:CancelZonalShift")


class ZonalAutoshift(ActionFault[ShiftableResource]):
    """`aws:arc:start-zonal-autoshift`: the traffic of a load balancer or of an EKS cluster moves away from one zone to its other
    zones, and ARC keeps each shift on record. An Auto Scaling group launches nothing there, but its instances in the zone keep
    their traffic, so that only a `fault_signal` tells whether anything changed."""

    type = FaultType.ZONAL_AUTOSHIFT
    kind = ShiftableResource
    verb = "shifted away from a zone"
    arns = ("elasticloadbalancing", "loadbalancer/*")
    needs_signal = False
    proven_by_state = True
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")

    def requires_signal(self, parameters: Mapping[str, Any], /) -> bool:
        kinds = parameters.get(_KINDS)
        return not isinstance(kinds, str) or _GROUP in kinds.split(",")

    def grants(self) -> tuple[Grant, ...]:
        # AWS's service authorization data has load balancers as resources, with their tags; groups and clusters are told
        # by a condition key alone, which knows no tags: Squall alone compares theirs.
        balancers = tuple(format_arn("elasticloadbalancing", f"loadbalancer/{kind}/*") for kind in ("app", "net"))
        others = [format_arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"), format_arn("eks", "cluster/*")]
        named = {"StringLike": {"arc-zonal-shift:ResourceIdentifier": others}}
        reading = "arc-zonal-shift:GetManagedResource"
        return (
            FaultGrant(actions=_SHIFTING, resources=balancers),
            FaultGrant(actions=(*_SHIFTING, reading), resources=("*",), tagged=False, conditions=named),
            grant_untagged(reading, resources=balancers),
            grant_untagged("arc-zonal-shift:ListManagedResources", "autoscaling:DescribeTags", "tag:GetResources"),
        )

    def describe(self, parameters: Model, /) -> str:
        return f"{super().describe(parameters)}: {_read(parameters, ZONE_PARAMETER)}"

    def check_targets(self, injection: Injection[ShiftableResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        targets, zone = injection.targets, _read(injection.parameters, ZONE_PARAMETER)
        yield _check_zone(targets, zone)
        yield _check_free(targets)
        yield from _warn_of_zones(targets)
        kinds = _read(injection.parameters, _KINDS).split(",")
        others = [f"{target.id} is an {target.kind}" for target in targets if target.kind not in kinds]
        refusal = f"{'; '.join(others)}, and managedResourceTypes is {','.join(kinds)}: FIS would leave it out"
        yield check_targets("managed_types", targets, others, refusal, f"FIS takes {','.join(kinds)}")
        wanted = _read(injection.parameters, "zonalAutoshiftStatus")
        unlike = [f"{target.id} has {target.autoshift}" for target in targets if wanted not in {"ANY", target.autoshift}]
        refusal = f"{'; '.join(unlike)}, and zonalAutoshiftStatus is {wanted}: FIS would leave it out; ANY takes both"
        yield check_targets("autoshift_status", targets, unlike, refusal, f"zonalAutoshiftStatus is {wanted}")

    def prove_target(self, before: ShiftableResource, now: ShiftableResource | None, ran: ActionState | None, /) -> Proof:
        """The proof by a zonal shift of FIS that ARC did not know before, and that began while the action ran. What it did to an
        Auto Scaling group, the experiment's signal tells."""
        known = {shift.id for shift in before.shifts}
        since = ran.started_at.replace(microsecond=0) if ran and ran.started_at else None  # ARC may tell whole seconds
        new = [shift for shift in (now.shifts if now else ()) if shift.id not in known and shift.by == BY_FIS]
        shifted = [shift for shift in new if since is not None and shift.started_at >= since]
        shifted = [shift for shift in shifted if before.away_from in {"", shift.away_from}]
        until = _find_end(shifted, ran) if ran else None
        cancelled = bool(shifted) and _was_cancelled_at_once(shifted, until, ran)
        if cancelled:
            detail = f"ARC's zonal shift {shifted[0].id} of {before.id} was cancelled as soon as it had begun: it shows no effect"
        elif shifted:
            moved = "launches nothing in" if before.kind == _GROUP else "was shifted away from"
            detail = f"{before.id} {moved} {shifted[0].away_from}: ARC's zonal shift {shifted[0].id} is {shifted[0].status}"
        elif ran is None:
            detail = f"FIS's action did not run on {before.id}"
        else:
            detail = f"ARC knows no zonal shift of {before.id} that FIS began: nothing was moved"
        if shifted and not cancelled and until and ran and until != ran.ended_at:
            detail += f"; after {until} it is not proven"
        at = shifted[0].started_at if shifted else None
        # A proof by a mechanism, because its times are those of the fault: what comes after the shift is not judged as the fault.
        return Proof(target=before.id, proven=bool(shifted) and not cancelled, kind="mechanism", detail=detail, at=at, until=until)

    def find_changes(self, before: ShiftableResource, now: ShiftableResource | None, /) -> Iterable[str]:
        if now is None:
            yield f"{before.id} is no longer a resource that ARC manages"
            return
        if before.weights != now.weights and not _list_left(before, now):  # a shift that is left explains it
            yield f"the zones of {now.id} have the weights {_show(now)}, they had {_show(before)}"
        if before.autoshift != now.autoshift:
            yield f"zonal autoshift of {now.id} is {now.autoshift}, it was {before.autoshift}"

    def find_target_remnants(self, before: ShiftableResource, now: ShiftableResource | None, /) -> Iterable[Remnant]:
        region = before.arn.split(":")[3]
        for shift in _list_left(before, now):
            command = shell_command("aws", "arc-zonal-shift", "cancel-zonal-shift", "--region", region, "--zonal-shift-id", shift.id)
            left = f"{before.id} is still shifted away from {shift.away_from} by FIS; it ends within a minute, unless FIS renews it"
            yield Remnant(left, command)


def _find_end(shifts: Sequence[ZonalShift], ran: ActionState) -> datetime | None:
    """Until when the shifts were certainly active: the end of the action, or earlier. Shifts that follow each other without a gap
    count as one. None if one is active still."""
    end: datetime | None = None
    for shift in sorted(shifts, key=lambda shift: shift.started_at):
        if end is not None and shift.started_at > end:
            break
        if shift.status == _ACTIVE:
            return None
        if shift.expires_at is None:
            return ran.ended_at
        over = shift.expires_at
        if shift.status == _CANCELED and _ended_long_after(ran, over):
            over = max(shift.started_at, over - _RENEWED)  # ARC does not tell when: FIS's last renewal is what is certain
        end = over if end is None else max(end, over)
    return end if end is not None and (ran.ended_at is None or end < ran.ended_at) else ran.ended_at


def _was_cancelled_at_once(shifts: Sequence[ZonalShift], until: datetime | None, ran: ActionState | None) -> bool:
    """Whether the first of the shifts was cancelled before FIS renewed it, although the action went on."""
    if until is None or ran is None or shifts[0].status != _CANCELED:
        return False
    return _ended_long_after(ran, until) and until - shifts[0].started_at < _RENEWED / 2


def _ended_long_after(ran: ActionState, time: datetime) -> bool:
    """Whether the action went on for more than a renewal after this time, so that FIS itself did not cancel the shift then."""
    return ran.ended_at is None or ran.ended_at - time > _RENEWED


def _warn_of_zones(targets: Iterable[ShiftableResource]) -> Iterable[SafetyCheck]:
    """A warning of the targets of which only zones can be counted."""
    unknown = [target.id for target in targets if target.weakest_pool is None]
    if unknown:
        detail = f"what serves in which zone behind {', '.join(unknown)} is not known: the healthy share counts zones alone, each the same"
        yield SafetyCheck(name="capacity_in_zones", outcome=CheckOutcome.WARNED, detail=detail)


def _list_left(before: ShiftableResource, now: ShiftableResource | None) -> list[ZonalShift]:
    """The shifts of FIS that are active although the fault is over."""
    known = {shift.id for shift in before.shifts}
    return [shift for shift in (now.shifts if now else ()) if shift.id not in known and (shift.by, shift.status) == (BY_FIS, _ACTIVE)]


def _check_zone(targets: Iterable[ShiftableResource], zone: str) -> SafetyCheck:
    """Whether each target has this zone, and another that takes its traffic."""
    listed = list(targets)
    wrong = []
    for target in listed:
        hit, places = target.find_zone(zone), ", ".join(f"{id_} ({name})" for id_, name in target.zones.items())
        if not hit or hit not in target.standing:
            wrong.append(f"{target.id} has no traffic in {zone}; its zones are {places or ', '.join(target.weights)}")
        elif not target.standing - {hit}:
            wrong.append(f"{target.id} has no other zone than {zone}: nothing would carry its traffic")
    return check_targets(
        "zone_of_resource", listed, wrong, "; ".join(wrong), f"{join_ids(listed)}: other zones than {zone} carry the traffic"
    )


def _check_free(targets: Iterable[ShiftableResource]) -> SafetyCheck:
    """Whether nothing shifts the targets already. A shift of people or of AWS would end FIS's, or keep it from starting."""
    listed = list(targets)
    busy = [
        f"{target.id} is shifted away from {shift.away_from} by {shift.by or 'another shift'} {shift.id}"
        for target in listed
        for shift in target.shifts
        if shift.status == _ACTIVE
    ]
    busy += [f"AWS has shifted {target.id} away from {zone}" for target in listed for zone in target.autoshifts]
    return check_targets("not_shifted", listed, busy, "; ".join(busy), "nothing is shifted away from a zone now")


def _read(parameters: Model, name: str) -> str:
    return str(getattr(parameters, name))


def _show(resource: ShiftableResource) -> str:
    return ", ".join(f"{zone} {weight:g}" for zone, weight in sorted(resource.weights.items()))
