"""Pod Security admission: what a namespace's `enforce` label refuses, and what makes a container conform to it.

Of the Kubernetes Pod Security Standards only the rules that FIS's containers can break.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.kubernetes import status

Json = dict[str, Any]
ENFORCE = "pod-security.kubernetes.io/enforce"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
CONFORMING: Mapping[str, Json] = {
    PRIVILEGED: {"privileged": True},
    BASELINE: {},
    RESTRICTED: {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
"""By level the security context of a container that conforms to it, and not to the next stricter one."""


def admit(labels: Mapping[str, str], pod: Json) -> None:
    """Raise StatusError if the pod violates the standard that a namespace with these labels enforces."""
    level = labels.get(ENFORCE, PRIVILEGED)
    broken = list(_find_violations(level, pod["spec"]))
    if broken:
        name = pod["metadata"]["name"]
        raise status.StatusError(
            403, "Forbidden", f'pods "{name}" is forbidden: violates PodSecurity "{level}:latest": {", ".join(broken)}'
        )


def _find_violations(level: str, spec: Json) -> Iterator[str]:
    if level == PRIVILEGED:
        return
    for container in [*spec.get("containers", ()), *spec.get("ephemeralContainers", ())]:
        name, context = container["name"], container.get("securityContext", {})
        if context.get("privileged"):
            yield f'privileged (container "{name}" must not set securityContext.privileged=true)'
        if level == RESTRICTED and not context.items() >= CONFORMING[RESTRICTED].items():
            yield f'restricted (container "{name}" must set {", ".join(sorted(CONFORMING[RESTRICTED]))})'
