"""Shell commands as Squall shows them to people: every argument is quoted, whatever is in a resource's name."""

import json
import shlex


def shell_command(*arguments: str) -> str:
    """The command line that a POSIX shell splits into exactly these arguments."""
    return shlex.join(arguments)


def delete_item_command(table: str, pk: str, sk: str) -> str:
    """The AWS CLI command that deletes one item of Squall's table by its two key attributes, both strings."""
    key = json.dumps({"pk": {"S": pk}, "sk": {"S": sk}}, separators=(",", ":"))
    return shell_command("aws", "dynamodb", "delete-item", "--table-name", table, "--key", key)


def stop_experiment_command(experiment_id: str) -> str:
    """The AWS CLI command that stops a FIS experiment."""
    return shell_command("aws", "fis", "stop-experiment", "--id", experiment_id)


def read_experiment_command(experiment_id: str) -> str:
    """The AWS CLI command that shows a FIS experiment."""
    return shell_command("aws", "fis", "get-experiment", "--id", experiment_id)


def read_template_command(template_id: str) -> str:
    """The AWS CLI command that shows a FIS experiment template."""
    return shell_command("aws", "fis", "get-experiment-template", "--id", template_id)


def list_experiments_command(template_id: str) -> str:
    """The AWS CLI command that lists the FIS experiments of a template."""
    return shell_command("aws", "fis", "list-experiments", "--experiment-template-id", template_id)


def delete_template_command(template_id: str) -> str:
    """The AWS CLI command that deletes a FIS experiment template."""
    return shell_command("aws", "fis", "delete-experiment-template", "--id", template_id)


def delete_alarms_command(*names: str) -> str:
    """The AWS CLI command that deletes CloudWatch alarms."""
    return shell_command("aws", "cloudwatch", "delete-alarms", "--alarm-names", *names)
