"""Whether a resource serves anybody. A fault on a resource to which load balancers send nothing proves nothing."""

from squall.domain.resources.base import Resource
from squall.domain.resources.workload import TargetGroup, Workload


def explain_idle(workload: Workload, resource: Resource) -> str:
    """Why no load balancer sends requests to the resource, as a sentence; empty if one does, or if none is meant to.

    It has to be healthy in the target group that the experiment names as its `service`, if it is registered there; else
    in any target group in use that holds it, or that its group is attached to. If it is registered only in target
    groups to which no listener sends requests, it is the idle colour of a blue/green deployment. A resource that target
    groups know by no name of its own (a task that shares its instance's address), or that is registered in none, is
    taken to serve.
    """
    if not (resource.registered_names or resource.contains):
        return ""
    places = [group for group in workload.target_groups if group.serves and _is_meant_for(workload, group, resource)]
    if not places:
        return _explain_idle_colour(workload, resource)
    named = [group for group in places if group.arn == workload.service]
    if any(_serves_group(workload, group, resource) for group in named or places):
        return ""
    return f"{resource.id} serves nobody: {'; '.join(_explain_place(workload, group, resource) for group in named or places)}"


def _explain_idle_colour(workload: Workload, resource: Resource) -> str:
    """The reason why a resource that is registered only in target groups without use serves nobody; empty if it is
    registered in none."""
    names = workload.names_of(resource)
    colours = [group.name for group in workload.target_groups if names & group.registered]
    return f"{resource.id} serves nobody: no listener sends requests to {', '.join(colours)}" if colours else ""


def _is_meant_for(workload: Workload, group: TargetGroup, resource: Resource) -> bool:
    attached = {arn for owner in workload.groups if owner.name == resource.belongs_to for arn in owner.target_groups}
    return group.arn in attached or bool(workload.names_of(resource) & group.registered)


def _serves_group(workload: Workload, group: TargetGroup, resource: Resource) -> bool:
    return bool(workload.names_of(resource) & set(group.healthy))


def _explain_place(workload: Workload, group: TargetGroup, resource: Resource) -> str:
    names = workload.names_of(resource)
    if names & set(group.unhealthy):
        word = "unhealthy"
    elif names & set(group.idle):
        word = "registered, but sent no requests (draining, or in a zone that is not enabled)"
    else:
        word = "not registered"
    return f"it is {word} in {group.name}"
