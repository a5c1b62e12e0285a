"""The API server's error answers, in Kubernetes' own bodies (`meta/v1` Status)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class StatusError(Exception):
    """An error answer: HTTP status, reason and message as kube-apiserver has them."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.reason, self.details = code, reason, details

    @property
    def body(self) -> Json:
        status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self)}
        return {**status, "reason": self.reason, **({"details": self.details} if self.details else {}), "code": self.code}


def make_unauthorized() -> StatusError:
    """401: the cluster does not know the caller."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def not_found(plural: str, name: str, group: str = "") -> StatusError:
    """404: there is no such object."""
    resource = f"{plural}.{group}" if group else plural
    return StatusError(404, "NotFound", f'{resource} "{name}" not found', name=name, kind=plural)


def no_such_path() -> StatusError:
    """404: there is no such API."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(plural: str, name: str) -> StatusError:
    """409: an object of that name exists."""
    return StatusError(409, "AlreadyExists", f'{plural} "{name}" already exists', name=name, kind=plural)


def make_conflict(plural: str, name: str) -> StatusError:
    """409: the object was changed meanwhile."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {plural} "{name}": {why}'
    return StatusError(409, "Conflict", message, name=name, kind=plural)


def make_invalid(kind: str, name: str, why: str) -> StatusError:
    """422: the object is not valid."""
    return StatusError(422, "Invalid", f'{kind} "{name}" is invalid: {why}', name=name, kind=kind)


def bad_request(why: str) -> StatusError:
    """400: the request is malformed."""
    return StatusError(400, "BadRequest", why)


def make_expired() -> StatusError:
    """410: the list can no longer be continued."""
    return StatusError(
        410, "Expired", "The provided continue parameter is too old to display a consistent list result. You must start a new list."
    )


def make_forbidden(user: str, verb: str, plural: str, group: str, namespace: str, name: str = "") -> StatusError:
    """403: nothing allows the request."""
    resource = f"{plural.partition('/')[0]}{'.' + group if group else ''}" + (f' "{name}"' if name else "")
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = f'{resource} is forbidden: User "{user}" cannot {verb} resource "{plural}" in API group "{group}" {where}'
    return StatusError(403, "Forbidden", message, **({"name": name} if name else {}), kind=plural.partition("/")[0])
