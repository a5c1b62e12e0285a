"""The stores of executions: the table, the bucket, the topic, and the queue for events that could not be delivered."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    BillingMode,
    PointInTimeRecoverySpecification,
    ProjectionType,
    Table,
    TableEncryption,
)
from aws_cdk.aws_iam import AnyPrincipal, Effect, PolicyStatement
from aws_cdk.aws_kms import Alias, Key
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, LifecycleRule, ObjectOwnership
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from infra.settings import Settings
from squall.adapters.dynamodb.history import SUMMARY_ATTRIBUTES
from squall.domain.experiment.published import FOLDER

INDEXES: dict[str, tuple[str, ...]] = {"open": (), "period": SUMMARY_ATTRIBUTES, "experiment": ()}
"""Index to the attributes that it holds besides the keys; empty: all attributes."""
SUPERSEDED_DAYS = 30
EXPIRING = ("results", "reports", "analytics", "athena")
"""The folders of the bucket to which `results_retention_days` applies. Published experiments do not expire: S3 would
retire them, and without their newest version nobody could tell what was retired before."""


class Results(Construct):
    """The stores of a stack; the table and the bucket stay when it is deleted, unless the settings say otherwise."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._removal_policy = RemovalPolicy.RETAIN if settings.keep_results else RemovalPolicy.DESTROY
        self._key = Key.from_key_arn(self, "Key", settings.kms_key_arn) if settings.kms_key_arn else None
        self._topic_key = self._key or Alias.from_alias_name(self, "SnsKey", "alias/aws/sns")
        self.table = self._make_table()
        self.bucket = self._make_bucket()
        self.topic = self._make_topic("Topic", "Squall")
        for address in settings.notification_emails:
            self.topic.add_subscription(EmailSubscription(address))
        self.chat_topic = self._make_topic("ChatTopic", "Squall for chats")
        self.dead_letters = self._make_queue()

    def _make_table(self) -> Table:
        table = Table(
            self,
            "Table",
            partition_key=Attribute(name="pk", type=AttributeType.STRING),
            sort_key=Attribute(name="sk", type=AttributeType.STRING),
            billing_mode=BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            time_to_live_attribute="expires_at",
            encryption=TableEncryption.CUSTOMER_MANAGED if self._key else TableEncryption.AWS_MANAGED,
            encryption_key=self._key,
            deletion_protection=self._settings.termination_protection,
            removal_policy=self._removal_policy,
        )
        for name, attributes in INDEXES.items():
            table.add_global_secondary_index(
                index_name=name,
                projection_type=ProjectionType.INCLUDE if attributes else ProjectionType.ALL,
                non_key_attributes=list(attributes) or None,
                partition_key=Attribute(name=f"{name}_pk", type=AttributeType.STRING),
                sort_key=Attribute(name=f"{name}_sk", type=AttributeType.STRING),
            )
        return table

    def _make_bucket(self) -> Bucket:
        expiry = self._settings.results_retention_days
        bucket = Bucket(
            self,
            "Bucket",
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            object_ownership=ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            encryption=BucketEncryption.KMS if self._key else BucketEncryption.S3_MANAGED,
            encryption_key=self._key,
            bucket_key_enabled=True if self._key else None,
            lifecycle_rules=[
                LifecycleRule(
                    id="Tidy",
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(SUPERSEDED_DAYS),
                ),
                *(_expire_folder(folder, expiry) for folder in EXPIRING if expiry),
            ],
            removal_policy=self._removal_policy,
        )
        bucket.add_to_resource_policy(_keep_versions(bucket))
        return bucket

    def _make_topic(self, construct_id: str, display_name: str) -> Topic:
        # The key that AWS manages for SNS is enough because only our functions publish; CloudWatch and EventBridge
        # could not use it.
        return Topic(self, construct_id, enforce_ssl=True, master_key=self._topic_key, display_name=display_name)

    def _make_queue(self) -> Queue:
        return Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            # Never the customer's key: EventBridge and Scheduler deliver here, and a key policy that omits one of them
            # would lose the messages that would show it.
            encryption=QueueEncryption.SQS_MANAGED,
            retention_period=Duration.days(14),
        )


def _expire_folder(folder: str, days: int) -> LifecycleRule:
    return LifecycleRule(id=f"Retention-{folder}", prefix=f"{folder}/", expiration=Duration.days(days))


def _keep_versions(bucket: Bucket) -> PolicyStatement:
    """Denies everybody to replace a version of a published experiment: a write has to say that there is none yet. Parts
    of a multipart upload can't say so, and are denied, too."""
    return PolicyStatement(
        sid="NeverReplaceAPublishedVersion",
        effect=Effect.DENY,
        principals=[AnyPrincipal()],
        actions=["s3:PutObject"],
        resources=[bucket.arn_for_objects(f"{FOLDER}/*")],
        conditions={"Null": {"s3:if-none-match": "true"}},
    )
