"""Errors of Kinesis data streams: a share of the calls on a stream is refused while FIS says so."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import kinesis

from local.account.fis.injected import Injected
from local.account.patching import replace_function, require_names
from local.account.profile import holder

Json = dict[str, Any]
Call = Callable[[Json], Any]

THROTTLED, EXPIRED = "ProvisionedThroughputExceededException", "ExpiredIteratorException"
_CALLS = {
    THROTTLED: frozenset({"_put_record", "_put_records", "_get_records", "_get_shard_iterator"}),
    EXPIRED: frozenset({"_get_records"}),
}
"""The calls that each error answers, as AWS documents the action."""
_SAYS = {
    THROTTLED: "Rate exceeded for the stream.",
    EXPIRED: "Iterator expired.",
}


@dataclass(frozen=True)
class Errors:
    """The share of the calls on these streams, in percent, that this error answers."""

    code: str
    streams: frozenset[str]
    """ARNs."""
    percent: float


injected: Injected[Errors] = Injected()


def install_patches() -> None:
    """Patch Kinesis."""
    require_names(kinesis, "_resolve_stream", "_shard_iterators", "_streams")
    for name in sorted(_CALLS[THROTTLED]):
        replace_function(kinesis, name, "data", lambda original, name=name: _fail_some(name, original))  # type: ignore[misc]


def _fail_some(name: str, original: Call) -> Call:
    def call(data: Json) -> Any:
        arn = _find_stream(data)
        known = [errors for errors in injected.list() if arn in errors.streams and name in _CALLS[errors.code]]
        for errors in known:
            if holder.chance(errors.percent / 100):
                return error_response_json(errors.code, _SAYS[errors.code], 400)
        return original(data)

    return call


def _find_stream(data: Json) -> str:
    """The ARN of the stream that the call is about. A reader names it by its iterator alone."""
    if "ShardIterator" in data:
        return str((kinesis._shard_iterators.get(data["ShardIterator"]) or {}).get("stream_arn", ""))
    _, stream = kinesis._resolve_stream(data)
    return str(stream["StreamARN"]) if stream else ""
