"""Lays out a synthesized stack for CloudFormation alone: a template and the objects that it names, to upload by hand or by
another tool."""

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

from infra.account import stackset
from infra.settings import Settings
from squall.domain.run.commands import shell_command

FOLDER = "cloudformation"
TEMPLATE = "template.json"
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)


def package_assembly(assembly: Path, settings: Settings) -> Path:
    """Writes `cloudformation/` into the assembly and returns that folder: `template.json`, and in `objects/` each object
    under the key that the template names. Its settings name `assets_bucket`. For a member of a fleet also `stackset.json`,
    whose template is one of the objects."""
    folder = assembly / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    objects = folder / "objects"
    objects.mkdir(parents=True)
    template = f"{settings.stack_name}.template.json"
    manifest = json.loads((assembly / f"{settings.stack_name}.assets.json").read_text())
    for asset in manifest["files"].values():
        source = assembly / asset["source"]["path"]
        if source.name == template:
            continue
        content = zip_folder(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
        for destination in asset["destinations"].values():
            (objects / destination["objectKey"]).write_bytes(content)
    shutil.copyfile(assembly / template, folder / TEMPLATE)
    if not stackset.find_obstacle(settings):
        content = (assembly / template).read_bytes()
        key = f"{hashlib.sha256(content).hexdigest()}.template.json"
        (objects / key).write_bytes(content)
        (folder / stackset.FILE).write_text(json.dumps(stackset.make_stackset(settings, key), indent=1) + "\n")
    return folder


def describe_package(folder: Path, settings: Settings) -> str:
    """The commands that upload and deploy a package."""
    # The template is larger than CloudFormation accepts without a bucket.
    bucket = str(settings.assets_bucket)
    upload = ("aws", "s3", "cp", "--recursive", f"{folder}/objects", f"s3://{bucket}/")
    deploy = ("aws", "cloudformation", "deploy", "--stack-name", settings.stack_name, "--template-file", f"{folder}/{TEMPLATE}")
    options = ("--s3-bucket", bucket, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
    text = f"{folder}\nDeploy it with:\n  {shell_command(*upload)}\n  {shell_command(*deploy, *options)}"
    if stackset.find_obstacle(settings):
        return text
    everywhere = ("aws", "cloudformation", "deploy", "--stack-name", f"{settings.stack_name}-members")
    units = ("--template-file", f"{folder}/{stackset.FILE}", "--parameter-overrides", "OrganizationalUnitIds=ou-...")
    return f"{text}\nor, instead of the second command, into all accounts of organizational units:\n  {shell_command(*everywhere, *units)}"


def zip_folder(folder: Path) -> bytes:
    """An archive whose bytes depend only on the content of the folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(str(path.relative_to(folder)), _FIRST_DATE)
                info.external_attr = 0o644 << 16
                archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
