"""Which fields of Chaos Mesh's custom resources an experiment may set.

Source: Chaos Mesh's documentation of each kind (https://chaos-mesh.org/docs). What is not listed is refused: it may hit other pods, run a
command line, or read what the experiment has no business with.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from squall.domain.base.problems import extend_path, show_value, suggest_name
from squall.domain.policy.chaos_mesh import ChaosKind

Fields = Mapping[str, Any]
"""Names of fields, each with its own fields, with the values that it may have, or with None: any value that Chaos Mesh takes."""
NETWORKED: frozenset[ChaosKind] = frozenset({"DNSChaos", "HTTPChaos", "NetworkChaos"})
"""The kinds that disturb the pod's network."""

_REPLACED: Fields = {"path": None, "method": None, "code": None, "body": None, "queries": None, "headers": None}
_PATCHED: Fields = {"body": {"type": None, "value": None}, "queries": None, "headers": None}
_REORDER: Fields = {"reorder": None, "gap": None, "correlation": None}
_ATTRIBUTES: Fields = dict.fromkeys(("ino", "size", "blocks", "atime", "mtime", "ctime", "kind", "perm", "nlink", "uid", "gid", "rdev"))
_FIELDS: Mapping[ChaosKind, Fields] = {
    "DNSChaos": {"action": ("error", "random"), "patterns": None, "containerNames": None},
    "HTTPChaos": {
        "target": ("Request", "Response"),
        "port": None,
        "path": None,
        "method": None,
        "code": None,
        "request_headers": None,
        "response_headers": None,
        "abort": None,
        "delay": None,
        "replace": _REPLACED,
        "patch": _PATCHED,
    },
    "IOChaos": {
        "action": ("attrOverride", "fault", "latency", "mistake"),
        "volumePath": None,
        "path": None,
        "methods": None,
        "percent": None,
        "delay": None,
        "errno": None,
        "attr": _ATTRIBUTES,
        "mistake": {"filling": None, "maxOccurrences": None, "maxLength": None},
        "containerNames": None,
    },
    "NetworkChaos": {
        "action": ("bandwidth", "corrupt", "delay", "duplicate", "loss", "netem", "partition"),
        "direction": ("to",),
        "device": None,
        "externalTargets": None,
        "delay": {"latency": None, "jitter": None, "correlation": None, "reorder": _REORDER},
        "loss": {"loss": None, "correlation": None},
        "duplicate": {"duplicate": None, "correlation": None},
        "corrupt": {"corrupt": None, "correlation": None},
        "rate": {"rate": None},
        "bandwidth": dict.fromkeys(("rate", "limit", "buffer", "peakrate", "minburst")),
    },
    "StressChaos": {
        "stressors": {"cpu": {"workers": None, "load": None}, "memory": {"workers": None, "size": None, "oomScoreAdj": None}},
        "containerNames": None,
    },
    "TimeChaos": {"timeOffset": None, "clockIds": None, "containerNames": None},
}
_REQUIRED: Mapping[ChaosKind, str] = {
    "DNSChaos": "action",
    "HTTPChaos": "target",
    "IOChaos": "action",
    "NetworkChaos": "action",
    "StressChaos": "stressors",
    "TimeChaos": "timeOffset",
}
_OWN = {
    "selector": "Squall writes it: the pinned pods",
    "mode": "Squall hits all pinned pods",
    "value": "Squall hits all pinned pods",
    "duration": "the experiment's duration is the fault's",
    "remoteCluster": "it would name another cluster",
}
"""Fields of every kind that an experiment can't set, and why."""
_COMMAND = "it is a command line"
_REFUSED: Mapping[ChaosKind, Mapping[str, str]] = {
    "HTTPChaos": {"tls": "it would read a secret, in any namespace"},
    "NetworkChaos": {"target": "it would name pods besides the pinned ones", "targetDevice": "it belongs to `target`"},
    "StressChaos": {
        "stressngStressors": f"{_COMMAND}; `stressors` says the same",
        "stressors.cpu.options": _COMMAND,
        "stressors.memory.options": _COMMAND,
    },
}
"""Fields of single kinds that Chaos Mesh has and an experiment can't set, and why."""
_HIGHEST_SCORE = 1000


def find_spec_mistakes(kind: ChaosKind, spec: Mapping[str, Any]) -> tuple[str, ...]:
    """What a spec of this kind may not say, or must say and does not: one sentence each, that begins with the field."""
    missing = [] if _REQUIRED[kind] in spec else [f"{_REQUIRED[kind]}: {kind} needs it{_list_values(_FIELDS[kind][_REQUIRED[kind]])}"]
    found = [*_find_wrong_fields(kind, spec, _FIELDS[kind], ""), *missing]
    if kind == "StressChaos":
        found += _find_stress_mistakes(spec.get("stressors"))
    if kind == "IOChaos" and spec.get("action") == "mistake" and not _reads_only(spec.get("methods")):
        found.append("methods: a `mistake` in anything but [read] would be left in the files")
    return tuple(found)


def list_stressors(spec: Mapping[str, Any]) -> frozenset[str]:
    """What a StressChaos uses up: `cpu`, `memory`."""
    return frozenset(spec.get("stressors") or ())


def _find_wrong_fields(kind: ChaosKind, given: Mapping[str, Any], fields: Fields, above: str) -> Iterator[str]:
    refused = {**_OWN, **_REFUSED.get(kind, {})}
    for name, value in given.items():
        path = extend_path(above, name) if above else name
        if path in refused:
            yield f"{path}: {refused[path]}"
        elif name not in fields:
            yield f"{path}: {kind} has no such field{suggest_name(name, fields) or f', but {_join(fields)}'}"
        elif isinstance(known := fields[name], Mapping):
            if isinstance(value, Mapping) and value:
                yield from _find_wrong_fields(kind, value, known, path)
            else:
                yield f"{path}: {show_value(value)} is refused, it has {_join(known)}"
        elif known is not None and value not in known:
            hint = "only `to` disturbs the pinned pods alone" if name == "direction" else f"{show_value(value)} is refused"
            yield f"{path}: {hint}{_list_values(known)}"


def _find_stress_mistakes(stressors: object) -> Iterator[str]:
    memory = stressors.get("memory") if isinstance(stressors, Mapping) else None
    score = memory.get("oomScoreAdj", 0) if isinstance(memory, Mapping) else 0
    if not isinstance(score, int) or isinstance(score, bool) or not 0 <= score <= _HIGHEST_SCORE:
        yield (
            f"stressors.memory.oomScoreAdj: {show_value(score)} is refused, it is 0 to {_HIGHEST_SCORE}: with less, the kernel would kill"
            " the pod's own processes first"
        )


def _reads_only(methods: object) -> bool:
    return isinstance(methods, Sequence) and [str(method).casefold() for method in methods] == ["read"]


def _join(fields: Fields) -> str:
    return ", ".join(sorted(fields))


def _list_values(known: object) -> str:
    return f", one of {', '.join(known)}" if isinstance(known, tuple) else ""
