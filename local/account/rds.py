"""RDS for the sample workload's database: who writes, who reads, what is failing over, and the orders for it.

ministack keeps the records. The workload reports the state of its two processes (`report_database`, called by
ministack_truth), and carries out failovers and reboots: ``POST {workload}/database/failover`` and ``POST
{workload}/database/<node>/reboot``. One database is shown twice: as an Aurora cluster of a writer and a reader, and as
a Multi-AZ DB instance of the same two processes. Other clusters and instances are ministack's own, without its
containers: only the workload's processes run here.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import rds, tagging

from local.account import settings
from local.account.events import events
from local.account.patching import find_original, replace_function, require_names

Data = dict[str, Any]
Parameters = dict[str, Any]
TIMEOUT_SECONDS = 30.0
_KINDS = {"db-instance": ("RDS DB Instance Event", "DB_INSTANCE"), "db-cluster": ("RDS DB Cluster Event", "CLUSTER")}

_owned: dict[str, Data] = {}
"""The workload's latest report, by cluster; ``instances``: node by DB instance, the Multi-AZ instance as its cluster's
writer."""
_absent: dict[str, Data] = {}
"""Records of nodes that are absent at the moment."""


def install_patches() -> None:
    """Patch RDS."""
    require_names(rds, "_instances", "_clusters", "_events", "_tags", "_ACTION_MAP", "_error", "_p", "_cluster_xml", "_xml")
    require_names(rds, "_single_instance_response", "_resolve_instance", "_resolve_cluster_in_request_region", "_format_time")
    require_names(tagging, "_RESOURCE_TAG_COLLECTORS")
    replace_function(rds, "_get_docker", "", lambda _original: lambda: None)
    rds._ACTION_MAP["FailoverDBCluster"] = _or_else(find_original(rds, "_failover_db_cluster", "p"), fail_over)
    rds._ACTION_MAP["RebootDBInstance"] = _or_else(find_original(rds, "_reboot_db_instance", "p"), reboot_instance)
    tagging._RESOURCE_TAG_COLLECTORS["rds"] = _list_tagged
    replace_function(rds, "_instance_xml", "i", _as_aws_shows_it)


def _list_tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    yield from rds._tags.items()


def _as_aws_shows_it(xml: Callable[[Data], str]) -> Callable[[Data], str]:
    """Add the standby's zone, and leave out what does not apply, as AWS does."""

    def instance_xml(i: Data) -> str:
        zone = i.get("SecondaryAvailabilityZone")
        shown = xml(i).replace("<DBClusterIdentifier></DBClusterIdentifier>", "")
        return shown + (f"<SecondaryAvailabilityZone>{zone}</SecondaryAvailabilityZone>" if zone else "")

    return instance_xml


def _or_else(stock: Callable[[Parameters], Any], ours: Callable[[Parameters], Any]) -> Callable[[Parameters], Any]:
    """Describe the workload's own database by its report; ministack describes every other database."""

    def describe_database(p: Parameters) -> Any:
        answer = ours(p)
        return stock(p) if answer is None else answer

    return describe_database


# --- what the workload reports ------------------------------------------------------------------------------------


def report_database(database: Data) -> None:
    """Write the workload's report into ministack's records."""
    cluster = rds._clusters.get(database["id"])
    if cluster is None:
        return
    members = {member["id"]: member for member in database["members"]}
    multi_az = database["multi_az_instance"]
    nodes = {**{id_: id_ for id_ in members}, multi_az["id"]: database["writer"]}
    _owned[database["id"]] = {**database, "instances": nodes}
    cluster.update(
        Status=database["status"], Endpoint=database["endpoint"], ReaderEndpoint=database["reader_endpoint"], Port=database["port"],
        DBClusterMembers=[
            {"DBInstanceIdentifier": id_, "IsClusterWriter": id_ == database["writer"], "PromotionTier": 1} for id_ in members
        ],
    )  # fmt: skip
    _hide_absent(database["id"], set(members))
    for member in members.values():
        _show_member(member, database["port"], {"DBClusterIdentifier": database["id"]})
    _show_member(multi_az, database["port"], {"MultiAZ": multi_az["multi_az"], "SecondaryAvailabilityZone": multi_az["secondary_zone"]})
    for event in database["events"]:
        _record_event(event)


def _hide_absent(cluster: str, present: set[str]) -> None:
    for id_, instance in list(rds._instances.items()):
        if instance.get("DBClusterIdentifier") == cluster and id_ not in present:
            _absent[id_] = rds._instances.pop(id_)


def _show_member(member: Data, port: int, more: Data) -> None:
    if member["id"] in _absent:
        rds._instances[member["id"]] = _absent.pop(member["id"])
    instance = rds._instances.get(member["id"])
    if instance is not None:
        instance.update(DBInstanceStatus=member["status"], AvailabilityZone=member["zone"], **more)
        instance["Endpoint"] = {**instance.get("Endpoint", {}), "Address": member["endpoint"], "Port": port}


def _record_event(event: Data) -> None:
    if event["id"] in rds._events:
        return
    kind = "cluster" if event["type"] == "db-cluster" else "db"
    arn = f"arn:aws:rds:{get_region()}:{get_account_id()}:{kind}:{event['source']}"
    rds._events[event["id"]] = {
        "SourceIdentifier": event["source"], "SourceType": event["type"], "SourceArn": arn,
        "Message": event["message"], "Date": event["at"], "EventCategories": [event["category"]],
    }  # fmt: skip
    detail_type, source_type = _KINDS[event["type"]]
    detail = {
        "EventCategories": [event["category"]], "SourceType": source_type, "SourceArn": arn, "Date": events.format_time(event["at"]),
        "Message": event["message"], "SourceIdentifier": event["source"],
    }  # fmt: skip
    events.publish_event("aws.rds", detail_type, detail, [arn])


# --- orders -------------------------------------------------------------------------------------------------------


def fail_over(p: Parameters) -> Any:
    """FailoverDBCluster; None if the cluster isn't the workload's."""
    own_cluster = rds._resolve_cluster_in_request_region(rds._p(p, "DBClusterIdentifier"))
    if own_cluster is None or own_cluster["DBClusterIdentifier"] not in _owned:
        return None
    cluster: Data = own_cluster
    name = cluster["DBClusterIdentifier"]
    if cluster["Status"] != "available":
        return _invalid_cluster(f"DbCluster {name} is in {cluster['Status']} state but expected it to be one of available.")
    if refusal := _refuse_target(name, cluster["DBClusterMembers"], rds._p(p, "TargetDBInstanceIdentifier")):
        return refusal
    if refused := _send_order("/database/failover"):
        return _invalid_cluster(f"Cannot failover DB cluster {name}: {refused}")
    cluster["Status"] = "failing-over"
    inner = f"<FailoverDBClusterResult><DBCluster>{rds._cluster_xml(cluster)}</DBCluster></FailoverDBClusterResult>"
    return rds._xml(200, "FailoverDBClusterResponse", inner)


def _refuse_target(name: str, members: list[Data], target: str) -> Any:
    if not target:
        return None
    writers = {member["DBInstanceIdentifier"]: member["IsClusterWriter"] for member in members}
    if target not in writers:
        return rds._error("InvalidDBInstanceState", f"DBInstance {target} is not a member of DB cluster {name}.", 400)
    if writers[target]:
        return rds._error("InvalidDBInstanceState", f"DBInstance {target} is already the writer of DB cluster {name}.", 400)
    return None


def _invalid_cluster(message: str) -> Any:
    return rds._error("InvalidDBClusterStateFault", message, 400)


def reboot_instance(p: Parameters) -> Any:
    """RebootDBInstance, with ForceFailover for a Multi-AZ instance only; None if the instance isn't the workload's."""
    instance = rds._resolve_instance(rds._p(p, "DBInstanceIdentifier"))
    name = instance["DBInstanceIdentifier"] if instance else ""
    node = next((owned["instances"][name] for owned in _owned.values() if name in owned["instances"]), None)
    if instance is None or node is None:
        return None
    if instance["DBInstanceStatus"] != "available":
        status = instance["DBInstanceStatus"]
        return rds._error("InvalidDBInstanceState", f"DBInstance {name} is in {status} state but expected it to be one of available.", 400)
    forced = rds._p(p, "ForceFailover").lower() == "true"
    if forced and not instance["MultiAZ"]:
        return rds._error("InvalidParameterCombination", "ForceFailover can't be specified: the instance is not Multi-AZ.", 400)
    if refused := _send_order("/database/failover" if forced else f"/database/{node}/reboot"):
        return rds._error("InvalidDBInstanceState", f"DBInstance {name} can't be rebooted: {refused}", 400)
    instance["DBInstanceStatus"] = "rebooting"
    return rds._single_instance_response("RebootDBInstanceResponse", "RebootDBInstanceResult", instance)


def _send_order(path: str) -> str:
    """Send the request to the workload. Returns the reason if it is refused, otherwise an empty string."""
    # The address is our own --workload-url, always http on this machine.
    request = urllib.request.Request(settings.get_settings().workload_url + path, data=b"{}")  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            return str(json.loads(error.read()).get("error", error))
    except OSError as error:
        return str(error)
