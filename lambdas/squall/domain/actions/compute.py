"""Actions on EC2 instances, their volumes and groups, on Lambda functions, and on the calls that IAM roles make."""

from datetime import timedelta

from squall.domain.actions.action import (
    MINUTE,
    FisAction,
    choice,
    flag,
    integer,
    length,
    number,
    percent,
    text,
    text_list,
)

SECOND = timedelta(seconds=1)
INSTANCE, VOLUME, ROLE, FUNCTION = "aws:ec2:instance", "aws:ec2:ebs-volume", "aws:iam:role", "aws:lambda:function"
_ZONES = text_list("availabilityZoneIdentifiers", required=True, entry="[a-z0-9-]+", example="eu-west-1a,euw1-az2")
_SHARE = percent("invocationPercentage", default="100")
_PREVENT = flag("preventExecution")
_FUNCTION_PERMISSIONS = ("s3:PutObject", "s3:DeleteObject", "lambda:GetFunction", "tag:GetResources")
_FUNCTION_UNDO = "FIS deletes its configuration from S3, and the extension stops disturbing invocations"

EC2 = (
    FisAction(
        "aws:ec2:api-insufficient-instance-capacity-error",
        "Answers the role's launches with InsufficientInstanceCapacity",
        permissions=("ec2:InjectApiError",),
        undo="calls are answered again; nothing else is undone",
        state="",
        risk="medium",
        resource_type=ROLE,
        target_key="Roles",
        parameters=(length(), _ZONES, percent("percentage", required=True)),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ec2:asg-insufficient-instance-capacity-error",
        "Answers the group's launches with InsufficientInstanceCapacity",
        permissions=("ec2:InjectApiError", "autoscaling:DescribeAutoScalingGroups"),
        undo="launches are answered again; the group launches what it lacks",
        state="failed scaling activities of the group",
        risk="medium",
        resource_type="aws:ec2:autoscaling-group",
        target_key="AutoScalingGroups",
        parameters=(length(), _ZONES, percent("percentage", default="100")),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ec2:reboot-instances",
        "Reboots the instances",
        permissions=("ec2:RebootInstances", "ec2:DescribeInstances"),
        undo="nothing: a reboot that was ordered can't be taken back, and the instance comes back by itself",
        state="",
        risk="medium",
        resource_type=INSTANCE,
        target_key="Instances",
    ),
    FisAction(
        "aws:ec2:send-spot-instance-interruptions",
        "Interrupts Spot Instances two minutes after a notice",
        permissions=("ec2:SendSpotInstanceInterruptions", "ec2:DescribeInstances"),
        undo="nothing: an interruption that was announced is carried out, and a stopped instance stays stopped",
        state="state of the instance, and the state and status of its Spot request",
        risk="high",
        resource_type="aws:ec2:spot-instance",
        target_key="SpotInstances",
        parameters=(length("durationBeforeInterruption", least=2 * MINUTE, greatest=15 * MINUTE),),
    ),
    FisAction(
        "aws:ec2:stop-instances",
        "Stops the instances, and starts them again if it is asked to",
        permissions=("ec2:StopInstances", "ec2:StartInstances", "ec2:DescribeInstances", "kms:CreateGrant"),
        undo="FIS starts the instances again if `startInstancesAfterDuration` is given; otherwise nothing",
        state="state and launch time of the instance",
        risk="high",
        resource_type=INSTANCE,
        target_key="Instances",
        parameters=(length("startInstancesAfterDuration", required=False), flag("completeIfInstancesTerminated", default="false")),
        length_parameter="startInstancesAfterDuration",
    ),
    FisAction(
        "aws:ec2:terminate-instances",
        "Terminates the instances",
        permissions=("ec2:TerminateInstances", "ec2:DescribeInstances"),
        undo="nothing",
        state="state of the instance, and the members of its group",
        risk="high",
        resource_type=INSTANCE,
        target_key="Instances",
    ),
)

EBS = (
    FisAction(
        "aws:ebs:pause-volume-io",
        "Lets every read and write of the volumes wait",
        permissions=("ec2:DescribeVolumes", "ec2:PauseVolumeIO", "tag:GetResources"),
        undo="reads and writes go on; what waited is carried out",
        state="attachments of the volume",
        risk="high",
        resource_type=VOLUME,
        target_key="Volumes",
        parameters=(length(least=SECOND),),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ebs:volume-io-latency",
        "Delays a share of the volumes' reads and writes",
        permissions=("ec2:DescribeVolumes", "ec2:InjectVolumeIOLatency", "tag:GetResources"),
        undo="reads and writes are no longer delayed",
        state="attachments of the volume",
        risk="medium",
        resource_type=VOLUME,
        target_key="Volumes",
        parameters=(
            number("readIOPercentage", 0.1, 100, default="100"),
            integer("readIOLatencyMilliseconds", 1, 60_000, default="100"),
            number("writeIOPercentage", 0.1, 100, default="100"),
            integer("writeIOLatencyMilliseconds", 1, 60_000, default="100"),
            length(least=SECOND),
        ),
        length_parameter="duration",
    ),
)

LAMBDA = (
    FisAction(
        "aws:lambda:invocation-add-delay",
        "Delays the start of the functions' code",
        permissions=_FUNCTION_PERMISSIONS,
        undo=_FUNCTION_UNDO,
        state="configuration of the function",
        risk="medium",
        resource_type=FUNCTION,
        target_key="Functions",
        parameters=(length(), _SHARE, integer("startupDelayMilliseconds", 0, 900_000, default="1000")),
        length_parameter="duration",
    ),
    FisAction(
        "aws:lambda:invocation-error",
        "Lets invocations fail",
        permissions=_FUNCTION_PERMISSIONS,
        undo=_FUNCTION_UNDO,
        state="configuration of the function",
        risk="high",
        resource_type=FUNCTION,
        target_key="Functions",
        parameters=(length(), _SHARE, _PREVENT),
        length_parameter="duration",
    ),
    FisAction(
        "aws:lambda:invocation-http-integration-response",
        "Replaces the functions' HTTP answers",
        permissions=_FUNCTION_PERMISSIONS,
        undo=_FUNCTION_UNDO,
        state="configuration of the function",
        risk="high",
        resource_type=FUNCTION,
        target_key="Functions",
        parameters=(
            text("contentTypeHeader", required=True),
            length(),
            _SHARE,
            _PREVENT,
            integer("statusCode", 0, 999, required=True),
        ),
        length_parameter="duration",
    ),
)

FIS = (
    *(
        FisAction(
            f"aws:fis:inject-api-{error}-error",
            f"Answers the role's calls with {words}",
            permissions=(f"fis:InjectApi{error.capitalize()}Error",),
            undo="calls are answered again; nothing else is undone",
            state="",
            risk="high",
            resource_type=ROLE,
            target_key="Roles",
            parameters=(
                length(),
                choice("service", "ec2", "kinesis"),
                percent("percentage", required=True),
                text_list("operations", required=True, entry="[A-Z][A-Za-z0-9]+", example="RunInstances,DescribeInstances"),
            ),
            length_parameter="duration",
        )
        for error, words in (("internal", "an internal error"), ("throttle", "throttling"), ("unavailable", "unavailability"))
    ),
    FisAction(
        "aws:fis:wait",
        "Waits",
        permissions=(),
        undo="the wait ends",
        state="",
        risk="low",
        parameters=(length(),),
        length_parameter="duration",
        refused="it disturbs nothing: `observation` and `delay` become waits",
    ),
)
