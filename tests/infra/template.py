"""Reads a CloudFormation template the way a reviewer does: by role, by statement, by resource type."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Statement:
    owner: str
    """Logical id of the role or policy."""
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: dict[str, dict[str, Any]]


class Resources:
    def __init__(self, template: dict[str, Any]) -> None:
        self.template = template

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties by logical id."""
        return {name: resource.get("Properties", {}) for name, resource in self.template["Resources"].items() if resource["Type"] == kind}

    def whole(self, kind: str) -> dict[str, dict[str, Any]]:
        """Whole resources by logical id."""
        return {name: resource for name, resource in self.template["Resources"].items() if resource["Type"] == kind}

    def one(self, kind: str) -> dict[str, Any]:
        (result,) = self.of_type(kind).values()
        return result

    @property
    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = self.template["Outputs"]
        return outputs

    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties by the module name of the handler."""
        return {function["Handler"].split(".")[-2]: function for function in self.of_type("AWS::Lambda::Function").values()}

    def role_of(self, function: str) -> str:
        role: str = self.functions()[function]["Role"]["Fn::GetAtt"][0]
        return role

    def statements(self, owner: str | None = None) -> list[Statement]:
        """Every statement granted to our roles; trust policies are not grants."""
        results: list[Statement] = []
        for name, role in self.of_type("AWS::IAM::Role").items():
            for policy in role.get("Policies", []):
                results += _parse(name, policy["PolicyDocument"])
            for arn in role.get("ManagedPolicyArns", []):
                attached = self.of_type("AWS::IAM::ManagedPolicy").get(arn.get("Ref", "")) if isinstance(arn, dict) else None
                results += _parse(name, attached["PolicyDocument"]) if attached else []
        for kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            for name, policy in self.of_type(kind).items():
                results += _parse(name, policy["PolicyDocument"])
        return [statement for statement in results if owner is None or statement.owner == owner]


def text(value: Any) -> str:
    """An intrinsic function as readable text: `arn:${AWS::Partition}:…`, `${Table.Arn}`."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text(part) for part in parts)
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::FindInMap": [mapping, key, name]}:
            return f"${{{mapping}.{text(key)}.{name}}}"
        case _:
            raise TypeError(f"unreadable: {value!r}")


def _parse(owner: str, document: dict[str, Any]) -> list[Statement]:
    return [
        Statement(owner, _tuple(entry["Action"]), tuple(text(item) for item in _tuple(entry["Resource"])), entry.get("Condition", {}))
        for entry in document["Statement"]
    ]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
