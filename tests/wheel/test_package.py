"""What `make synth` writes for CloudFormation alone: a template, and each object under the key that the template names."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint

from infra.account.stackset import find_obstacle, make_stackset
from infra.package import describe_package, package_assembly
from infra.places import ROOT
from infra.settings import read_context
from infra.synth import synthesize_app

CONTEXT = {
    "stack_name": "Chaos",
    "assets_bucket": "my-deployments",
    "environments_dir": str(ROOT / "environments"),
    "experiments_dir": str(ROOT / "experiments"),
}
SETTINGS = read_context(CONTEXT)


def describe_asset(path: str, packaging: str, key: str) -> dict[str, Any]:
    return {
        "source": {"path": path, "packaging": packaging},
        "destinations": {"current": {"bucketName": "my-deployments", "objectKey": key}},
    }


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    (tmp_path / "asset.1").mkdir()
    (tmp_path / "asset.1" / "code.py").write_text("pass\n")
    (tmp_path / "asset.2.zip").write_bytes(b"layer")
    (tmp_path / "Chaos.template.json").write_text("{}")
    files = {
        "1": describe_asset("asset.1", "zip", "1.zip"),
        "2": describe_asset("asset.2.zip", "file", "2.zip"),
        "3": describe_asset("Chaos.template.json", "file", "3.json"),
    }
    (tmp_path / "Chaos.assets.json").write_text(json.dumps({"files": files}))
    return tmp_path


def test_the_objects_have_their_keys_and_folders_are_archives(assembly: Path) -> None:
    folder = package_assembly(assembly, SETTINGS)
    assert {path.name for path in (folder / "objects").iterdir()} == {"1.zip", "2.zip"}
    assert (folder / "objects" / "2.zip").read_bytes() == b"layer"
    assert zipfile.ZipFile(folder / "objects" / "1.zip").read("code.py") == b"pass\n"
    assert (folder / "template.json").read_text() == "{}"


def test_a_package_is_made_anew_and_its_archives_do_not_change(assembly: Path) -> None:
    first = (package_assembly(assembly, SETTINGS) / "objects" / "1.zip").read_bytes()
    (assembly / "cloudformation" / "objects" / "old.zip").write_bytes(b"")
    folder = package_assembly(assembly, SETTINGS)
    assert (folder / "objects" / "1.zip").read_bytes() == first
    assert not (folder / "objects" / "old.zip").exists()


def test_the_commands_name_bucket_stack_and_template(assembly: Path) -> None:
    text = describe_package(assembly / "cloudformation", SETTINGS)
    assert f"aws s3 cp --recursive {assembly}/cloudformation/objects s3://my-deployments/" in text
    assert f"--stack-name Chaos --template-file {assembly}/cloudformation/template.json" in text


MEMBER = {"fleet_home_account": "111122223333", "fleet_external_id": "6f1c6f4e-2f0f-4f0e-9a53-9d0c53c1f0aa"}


def test_a_member_of_a_fleet_gets_a_stackset_whose_template_is_one_of_the_objects(assembly: Path) -> None:
    settings = read_context({**CONTEXT, **MEMBER})
    folder = package_assembly(assembly, settings)
    stackset = json.loads((folder / "stackset.json").read_text())["Resources"]["Members"]
    assert stackset["Type"] == "AWS::CloudFormation::StackSet"
    url = stackset["Properties"]["TemplateURL"]["Fn::Sub"]
    assert url.startswith("https://my-deployments.s3.${AWS::Region}.${AWS::URLSuffix}/")
    assert (folder / "objects" / url.rpartition("/")[2]).read_text() == "{}"
    assert "CAPABILITY_NAMED_IAM" in stackset["Properties"]["Capabilities"], "the roles of a member have names"
    assert stackset["Properties"]["AutoDeployment"]["RetainStacksOnAccountRemoval"] is True
    text = describe_package(folder, settings)
    assert f"--stack-name Chaos-members --template-file {folder}/stackset.json --parameter-overrides OrganizationalUnitIds=" in text


def test_the_stackset_is_one_that_cloudformation_takes() -> None:
    made = make_stackset(read_context({**CONTEXT, **MEMBER}), "k.json")
    assert lint(json.dumps(made), regions=["eu-west-1"]) == []
    made["Resources"]["Members"]["Properties"]["AutoDeployment"]["Retain"] = True
    assert [match.rule.id for match in lint(json.dumps(made), regions=["eu-west-1"])] == ["E3002"], "a property that does not exist"


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({}, "no member"),
        ({**MEMBER, "account": "444455556666"}, "444455556666 alone"),
    ],
)
def test_a_stack_that_fits_no_stackset_gets_none(assembly: Path, context: dict[str, str], why: str) -> None:
    settings = read_context({**CONTEXT, **context})
    assert why in find_obstacle(settings)
    folder = package_assembly(assembly, settings)
    assert not (folder / "stackset.json").exists()
    assert "OrganizationalUnitIds" not in describe_package(folder, settings)


@pytest.mark.soak
def test_the_real_template_names_objects_that_are_in_the_package(tmp_path: Path) -> None:
    assembly = synthesize_app(tmp_path, CONTEXT)
    folder = package_assembly(assembly, SETTINGS)
    template = json.loads((folder / "template.json").read_text())
    assert "BootstrapVersion" not in template.get("Parameters", {})
    places = [find_place(resource["Properties"]) for resource in template["Resources"].values() if find_place(resource["Properties"])]
    assert {place["S3Bucket"] for place in places} == {"my-deployments"}
    keys = {place["S3Key"] for place in places}
    assert keys <= {path.name for path in (folder / "objects").iterdir()}
    assert any(
        "squall/handlers/abort.py" in zipfile.ZipFile(io.BytesIO((folder / "objects" / key).read_bytes())).namelist() for key in keys
    )


def find_place(properties: dict[str, Any]) -> dict[str, str]:
    """Where a function's code or a layer's content is."""
    place: dict[str, str] = properties.get("Code") or properties.get("Content") or {}
    return place if "S3Key" in place else {}
