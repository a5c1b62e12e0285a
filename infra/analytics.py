"""Athena over the runs: two tables over `analytics/`, a workgroup that limits what a query may scan, and saved queries.

Partitions are projected, so nothing has to crawl or register them: the environments are the deployed ones, the months
run to the present.
"""

from pathlib import Path

from aws_cdk import Stack
from aws_cdk.aws_athena import CfnNamedQuery, CfnWorkGroup
from aws_cdk.aws_glue import CfnDatabase, CfnTable
from aws_cdk.aws_s3 import Bucket
from constructs import Construct

from squall.domain.history.analytics import COLUMNS, NOWHERE, PARTITIONS, PREFIX

QUERIES = Path(__file__).resolve().parent / "queries"
SCAN_LIMIT = 10 * 1024**3
"""Bytes that a query of the workgroup may read; they cost five cents."""
FIRST_MONTH = "2026-01"
_SERDE = "org.openx.data.jsonserde.JsonSerDe"
_INPUT, _OUTPUT = "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class Analytics(Construct):
    """The database, tables, workgroup and saved queries. None of them runs or costs anything until somebody starts a
    query."""

    def __init__(self, scope: Construct, construct_id: str, *, bucket: Bucket, environments: tuple[str, ...]) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        # Glue accepts lower-case letters, digits and underscores.
        self.name = f"squall_{stack.stack_name}".lower().replace("-", "_")
        self._catalog = stack.account
        database = CfnDatabase(
            self,
            "Database",
            catalog_id=self._catalog,
            database_input=CfnDatabase.DatabaseInputProperty(name=self.name, description="Runs of Squall and what was measured in them"),
        )
        for table in COLUMNS:
            self._make_table(table, bucket, environments).add_dependency(database)
        workgroup = CfnWorkGroup(
            self,
            "WorkGroup",
            name=f"squall-{stack.stack_name}",
            description="Questions about Squall's runs",
            recursive_delete_option=True,
            work_group_configuration=CfnWorkGroup.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=SCAN_LIMIT,
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=False,
                result_configuration=CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{bucket.bucket_name}/athena/",
                    encryption_configuration=CfnWorkGroup.EncryptionConfigurationProperty(encryption_option="SSE_S3"),
                ),
            ),
        )
        for path in sorted(QUERIES.glob("*.sql")):
            comment, query = path.read_text().split("\n", 1)
            named_query = CfnNamedQuery(
                self,
                path.stem,
                database=self.name,
                name=path.stem,
                description=comment.removeprefix("-- "),
                query_string=query,
                work_group=workgroup.name,
            )
            named_query.add_dependency(workgroup)

    def _make_table(self, table: str, bucket: Bucket, environments: tuple[str, ...]) -> CfnTable:
        location = f"s3://{bucket.bucket_name}/{PREFIX}/{table}/"
        return CfnTable(
            self,
            table.capitalize(),
            catalog_id=self._catalog,
            database_name=self.name,
            table_input=CfnTable.TableInputProperty(
                name=table,
                table_type="EXTERNAL_TABLE",
                partition_keys=[CfnTable.ColumnProperty(name=name, type="string") for name in PARTITIONS],
                storage_descriptor=CfnTable.StorageDescriptorProperty(
                    columns=[CfnTable.ColumnProperty(name=name, type=kind) for name, kind in COLUMNS[table].items()],
                    location=location,
                    input_format=_INPUT,
                    output_format=_OUTPUT,
                    serde_info=CfnTable.SerdeInfoProperty(serialization_library=_SERDE),
                ),
                parameters={
                    "classification": "json",
                    "projection.enabled": "true",
                    "projection.environment.type": "enum",
                    "projection.environment.values": ",".join((*environments, NOWHERE)),
                    "projection.month.type": "date",
                    "projection.month.format": "yyyy-MM",
                    "projection.month.range": f"{FIRST_MONTH},NOW",
                    "projection.month.interval": "1",
                    "projection.month.interval.unit": "MONTHS",
                    "storage.location.template": f"{location}environment=${{environment}}/month=${{month}}/",
                },
            ),
        )
