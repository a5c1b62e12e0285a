"""FIS actions on resources of managed services: calls or connections fail while the action lasts. Nothing of it is seen
in the resource itself."""

from collections.abc import Iterable
from typing import ClassVar

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.policy.roles import OWN_TAG
from squall.domain.resources.described import DescribedResource
from squall.faults.actions.generic import ActionFault
from squall.faults.base import Injection
from squall.faults.checks import check_targets
from squall.faults.grants import format_arn, grant_injection, grant_untagged


class DescribedFault(ActionFault[DescribedResource]):
    """A fault on a resource that its service describes: afterwards its state and each field are compared."""

    kind = DescribedResource

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        targets = injection.targets
        own = [f"{target.id} belongs to the Squall stack {target.tags[OWN_TAG]}" for target in targets if OWN_TAG in target.tags]
        yield check_targets("not_squalls_own", targets, own, "; ".join(own), "no target is one of Squall's")

    def find_changes(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[str]:
        if now is None:
            yield f"{before.id} is gone"
            return
        if now.state != before.state:
            yield f"{now.id} is {now.state}, it was {before.state}"
        yield from before.list_changes(now)


class InjectedErrors(DescribedFault):
    """A share of the calls on a resource fails. The service authorizes the injection by the action and its targets, not by
    tags, so that Squall alone compares the tag."""

    injects: ClassVar[str]
    """The IAM action that injects the errors."""

    def grants(self) -> tuple[Grant, ...]:
        inject = grant_injection(self.injects, self.type.value, format_arn(*self.arns))
        reads = tuple(name for name in self.permissions if name != self.injects)
        return (inject, grant_untagged(*reads)) if reads else (inject,)

    def describe(self, parameters: Model, /) -> str:
        share = getattr(parameters, "percentage", 100)
        return f"{super().describe(parameters)}: {share} %"


class StreamThroughputException(InjectedErrors):
    """`aws:kinesis:stream-provisioned-throughput-exception`: GetRecords, GetShardIterator, PutRecord and PutRecords answer a
    share of the calls as if the stream were over its limit, for everybody who uses it."""

    type = FaultType.STREAM_THROUGHPUT_EXCEPTION
    verb = "throttled the calls on"
    arns = ("kinesis", "stream/*")
    injects = "kinesis:InjectApiError"


class StreamIteratorException(InjectedErrors):
    """`aws:kinesis:stream-expired-iterator-exception`: GetRecords answers a share of the calls as if their iterator had
    expired, for everybody who reads the stream."""

    type = FaultType.STREAM_ITERATOR_EXCEPTION
    verb = "expired the iterators of"
    arns = ("kinesis", "stream/*")
    injects = "kinesis:InjectApiError"


class DsqlConnectionFailure(InjectedErrors):
    """`aws:dsql:cluster-connection-failure`: a share of the connections to the cluster fails, for everybody who uses it."""

    type = FaultType.DSQL_CONNECTION_FAILURE
    verb = "failed connections to"
    arns = ("dsql", "cluster/*")
    injects = "dsql:InjectError"
