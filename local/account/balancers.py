"""What the emulator's load balancers lack: actions that forward to several target groups by weight, and target groups
that are attached to an Auto Scaling group and detached from it."""

# ruff: noqa: SLF001 - replacing private functions of ministack is this module's purpose

from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import alb, autoscaling

from local.account.patching import replace_function

Data = dict[str, Any]


def install_patches() -> None:
    """Patch both services; called once."""
    replace_function(alb, "_parse_actions", "params prefix", _parse_forwards)
    replace_function(alb, "_action_xml", "a", _render_forwards)
    replace_function(alb, "_tg_xml", "tg", _render_balancers)
    autoscaling._ACTION_MAP["AttachLoadBalancerTargetGroups"] = _attach_target_groups
    autoscaling._ACTION_MAP["DetachLoadBalancerTargetGroups"] = _detach_target_groups


def _parse_forwards(original: Callable[..., Any]) -> Callable[..., Any]:
    def parse_actions(params: Data, prefix: str = "DefaultActions") -> list[Data]:
        actions: list[Data] = original(params, prefix)
        for number, action in enumerate(actions, start=1):
            weighted = list(_parse_weights(params, f"{prefix}.member.{number}.ForwardConfig.TargetGroups"))
            if weighted:
                action["ForwardConfig"] = weighted
            if len(weighted) == 1:
                action["TargetGroupArn"] = weighted[0]["TargetGroupArn"]
        return actions

    return parse_actions


def _render_forwards(original: Callable[..., Any]) -> Callable[..., Any]:
    def render_action(action: Data) -> str:
        rendered: str = original(action)
        members = "".join(
            f"<member><TargetGroupArn>{escape(group['TargetGroupArn'])}</TargetGroupArn><Weight>{group['Weight']}</Weight></member>"
            for group in action.get("ForwardConfig", ())
        )
        if not members:
            return rendered
        forward = f"<ForwardConfig><TargetGroups>{members}</TargetGroups></ForwardConfig>"
        return f"{rendered.removesuffix('</member>')}{forward}</member>"

    return render_action


def _render_balancers(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda group: original({**group, "LoadBalancerArns": _list_balancers(group["TargetGroupArn"])})


def _parse_weights(params: Data, prefix: str) -> Iterator[Data]:
    number = 1
    while arn := alb._p(params, f"{prefix}.member.{number}.TargetGroupArn"):
        yield {"TargetGroupArn": arn, "Weight": int(alb._p(params, f"{prefix}.member.{number}.Weight", "1"))}
        number += 1


def _list_balancers(target_group: str) -> list[str]:
    """The load balancers of which a listener or rule names the target group, with whatever weight."""
    actions = [(listener["LoadBalancerArn"], listener["DefaultActions"]) for listener in alb._listeners.values()]
    for rule in alb._rules.values():
        listener = alb._listeners.get(rule["ListenerArn"])
        if listener is not None:
            actions.append((listener["LoadBalancerArn"], rule["Actions"]))
    return sorted({balancer for balancer, listed in actions if any(_names(action, target_group) for action in listed)})


def _names(action: Data, target_group: str) -> bool:
    named = {action.get("TargetGroupArn"), *(group["TargetGroupArn"] for group in action.get("ForwardConfig", ()))}
    return target_group in named


def _attach_target_groups(params: Data) -> Any:
    return _change_target_groups(params, "AttachLoadBalancerTargetGroups", attached=True)


def _detach_target_groups(params: Data) -> Any:
    return _change_target_groups(params, "DetachLoadBalancerTargetGroups", attached=False)


def _change_target_groups(params: Data, action: str, *, attached: bool) -> Any:
    name = autoscaling._p(params, "AutoScalingGroupName")
    group = autoscaling._asgs.get(name)
    if group is None:
        return autoscaling._error("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    named = autoscaling._parse_member_list(params, "TargetGroupARNs")
    others = [arn for arn in group.get("TargetGroupARNs", []) if arn not in named]
    group["TargetGroupARNs"] = [*others, *named] if attached else others
    return autoscaling._xml(200, f"{action}Response", f"<{action}Result/>")
