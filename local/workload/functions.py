"""The function that takes orders: created in the account when the settings ask for it, deleted when they don't.

It has what FIS requires of a function that it disturbs: a layer with the extension (local/extension), the wrapper that
puts it in front of the runtime, and the folder for faults, which local/environments/staging.yaml also names. Its role
may read that folder, unless the settings say that the permission was forgotten: then the extension learns of no fault,
and only the function's own log says so.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.workload.settings import Settings

FUNCTION = "sample-orders"
BUCKET = "sample-fault-configuration"
FOLDER = "staging/"
ROLE = "sample-orders"
LAYER = "aws-fis-extension-sample"
TIMEOUT_SECONDS = 6
CONCURRENCY = 10
"""Execution environments, each of them processes of this machine: requests beyond them are throttled."""
EXTENSION = Path(__file__).resolve().parents[1] / "extension"
CODE = """
import time

def handler(event, context):
    time.sleep(0.004)
    return {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "taken"}
"""
_TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
_LOGS = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
_READS = [
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/{FOLDER}*"},
]


class Orders:
    """The function that takes orders. `path`: the path of its URL at the account's own address; None if there is no
    function."""

    def __init__(self, endpoint: str, region: str, tags: dict[str, str]) -> None:
        self._endpoint, self._region, self._tags = endpoint, region, tags
        self.port = urlsplit(endpoint).port or 80
        self.path: str | None = None

    def settle(self, settings: Settings) -> None:
        """Create or delete the function as the settings say. Without a function in use nothing is imported or
        called."""
        if settings.functions:
            self._grant(reads=settings.extension_reads)
            self.path = self.path or self._create()
        elif self.path is not None:
            self.path = None
            _delete_function(self._client("lambda"))

    def as_dict(self) -> dict[str, object] | None:
        """The state of the function for people and tests."""
        url = None if self.path is None else self._endpoint + self.path
        return {"name": FUNCTION, "location": f"arn:aws:s3:::{BUCKET}/{FOLDER}", "url": url} if url else None

    def _client(self, service: str) -> Any:
        config = Config(retries={"max_attempts": 5, "mode": "standard"}, s3={"addressing_style": "path"})
        return boto3.Session(region_name=self._region).client(service, endpoint_url=self._endpoint, config=config)

    def _grant(self, *, reads: bool) -> None:
        iam = self._client("iam")
        try:
            iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_read_policy(_TRUST))
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityAlreadyExists":
                raise
        iam.put_role_policy(RoleName=ROLE, PolicyName="own", PolicyDocument=_read_policy(_LOGS, *(_READS if reads else ())))

    def _create(self) -> str:
        """Create bucket, layer and function; returns the path of the function's URL."""
        s3, functions = self._client("s3"), self._client("lambda")
        if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=BUCKET)
        role = self._client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]
        files = {f"aws-fis/{name}": (EXTENSION / name).read_text() for name in ("bootstrap", "extension.py")}
        layer = functions.publish_layer_version(LayerName=LAYER, Content={"ZipFile": _zip_files(files)})["LayerVersionArn"]
        if FUNCTION in [function["FunctionName"] for function in functions.list_functions()["Functions"]]:  # left by an earlier manager
            _delete_function(functions)
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.13",
            Handler="index.handler",
            Role=role,
            Timeout=TIMEOUT_SECONDS,
            Code={"ZipFile": _zip_files({"index.py": CODE})},
            Layers=[layer],
            Environment={
                "Variables": {
                    "AWS_FIS_CONFIGURATION_LOCATION": f"arn:aws:s3:::{BUCKET}/{FOLDER}",
                    "AWS_FIS_POLL_MAX_WAIT_MILLISECONDS": "2000",
                    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/aws-fis/bootstrap",
                }
            },
            Tags=self._tags,
        )
        functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=CONCURRENCY)
        url = functions.create_function_url_config(FunctionName=FUNCTION, AuthType="NONE")["FunctionUrl"]
        functions.add_permission(
            FunctionName=FUNCTION,
            StatementId="anybody",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        functions.invoke(FunctionName=FUNCTION)  # starts its first environment now, not while a user waits
        identifier = str(urlsplit(url).hostname).partition(".")[0]
        return f"/_aws/lambda-url/{identifier}/"


def _delete_function(functions: Any) -> None:
    # The emulator keeps the URL of a deleted function, and the next function of that name could have none.
    if functions.list_function_url_configs(FunctionName=FUNCTION)["FunctionUrlConfigs"]:
        functions.delete_function_url_config(FunctionName=FUNCTION)
    functions.delete_function(FunctionName=FUNCTION)


def _zip_files(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _read_policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
