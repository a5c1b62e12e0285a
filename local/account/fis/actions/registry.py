"""The FIS actions that the account can carry out. A new action is a class in a module beside this one, and its line here."""

from local.account.fis.actions import ec2, ecs, eks, hosts, roles, streams
from local.account.fis.actions.automation import StartAutomation
from local.account.fis.actions.base import Action
from local.account.fis.actions.capacity import InsufficientCapacity
from local.account.fis.actions.ebs import PauseVolumeIo, VolumeIoLatency
from local.account.fis.actions.endpoints import DisruptEndpoints
from local.account.fis.actions.functions import AddDelay, IntegrationResponse, InvocationError
from local.account.fis.actions.network import DisruptConnectivity
from local.account.fis.actions.rds import FailoverCluster, RebootInstances
from local.account.fis.actions.replication import PauseBuckets, PauseGlobalTables
from local.account.fis.actions.routes import DisruptRoutes
from local.account.fis.actions.ssm import SendCommand
from local.account.fis.actions.wait import Wait

ACTIONS: dict[str, type[Action]] = {
    kind.action_id: kind
    for kind in (
        ec2.TerminateInstances,
        ec2.StopInstances,
        ec2.RebootInstances,
        ec2.InterruptSpotInstances,
        SendCommand,
        FailoverCluster,
        RebootInstances,
        DisruptConnectivity,
        DisruptRoutes,
        DisruptEndpoints,
        PauseVolumeIo,
        VolumeIoLatency,
        InsufficientCapacity,
        streams.ThroughputException,
        streams.ExpiredIteratorException,
        roles.InternalError,
        roles.ThrottleError,
        roles.UnavailableError,
        roles.NoCapacity,
        ecs.StopTask,
        ecs.CpuStress,
        ecs.IoStress,
        ecs.KillProcess,
        ecs.Latency,
        ecs.PacketLoss,
        ecs.BlackholePort,
        hosts.DrainContainerInstances,
        hosts.TerminateNodegroupInstances,
        *eks.KINDS,
        StartAutomation,
        PauseGlobalTables,
        PauseBuckets,
        AddDelay,
        InvocationError,
        IntegrationResponse,
        Wait,
    )
}
