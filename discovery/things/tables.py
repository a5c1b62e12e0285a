"""DynamoDB tables."""

from collections.abc import Iterator

from discovery.things.base import Account, Thing, list_tags


class Table(Thing):
    on_demand: bool
    replicas: tuple[str, ...]
    """Other Regions of a global table."""
    recoverable: bool | None
    """Whether point-in-time recovery is on; None if it is not known."""
    deletion_protection: bool


def read_tables(account: Account) -> Iterator[Table]:
    """Every table."""
    tags = list_tags(account, "dynamodb:table")
    for name in account.items("dynamodb", "list_tables", "TableNames"):
        entry = account.ask("dynamodb", "describe_table", TableName=name).get("Table")
        if not entry:
            continue
        yield account.resumed(Table, entry["TableArn"]) or Table(
            id=entry["TableArn"],
            name=name,
            tags=tags.get(entry["TableArn"], {}),
            on_demand=entry.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST",
            replicas=tuple(sorted(replica["RegionName"] for replica in entry.get("Replicas", []))),
            recoverable=_is_recoverable(account, name),
            deletion_protection=bool(entry.get("DeletionProtectionEnabled")),
        )


def _is_recoverable(account: Account, name: str) -> bool | None:
    answer = account.ask("dynamodb", "describe_continuous_backups", TableName=name).get("ContinuousBackupsDescription")
    if not answer:
        return None
    return bool(answer.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED")
