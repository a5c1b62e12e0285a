"""Catalogue and policies: what is wrong is refused at synth, all at once; what is right is in the code asset."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import code
from infra.definitions import DefinitionsError, load_definitions
from infra.places import ROOT
from scripts.build_layer import native_platform
from tests.infra.conftest import DEFINITIONS

RUNTIME, _ = native_platform()
EXAMPLE_FLEET = ROOT / "schemas" / "examples" / "fleet.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFINITIONS, tmp_path / "definitions"))


def test_the_shipped_definitions_are_valid() -> None:
    definitions = load_definitions(ROOT / "experiments", ROOT / "environments")
    assert definitions.experiments
    assert definitions.environments


def test_every_problem_of_every_file_is_listed_with_its_path(folder: Path) -> None:
    experiments = folder / "experiments"
    (experiments / "weekly.yaml").write_text(
        (experiments / "weekly.yaml").read_text().replace("duration_minutes: 10", "duration_minutes: -1")
    )
    (experiments / "by-hand.yaml").write_text((experiments / "by-hand.yaml").read_text() + "colour: red\n")
    (folder / "environments" / "staging.yaml").write_text("name: staging\nminimum_healthy_percent: 200\n")
    with pytest.raises(DefinitionsError) as raised:
        load_definitions(experiments, folder / "environments")
    message = str(raised.value)
    for expected in ("weekly.yaml: duration_minutes:", "by-hand.yaml: colour:", "staging.yaml: minimum_healthy_percent:"):
        assert expected in message


def test_a_freeze_is_written_with_dates_as_in_the_manual(folder: Path) -> None:
    policy = "name: staging\nfreezes:\n  - first: 2026-12-18\n    last: 2027-01-06\n    reason: holidays\n"
    (folder / "environments" / "staging.yaml").write_text(policy)
    (freeze,) = load_definitions(folder / "experiments", folder / "environments").environments["staging"].freezes
    assert (freeze.first.isoformat(), freeze.last and freeze.last.isoformat()) == ("2026-12-18", "2027-01-06")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("environments/staging.yaml", "name: production\n", "name: is 'production'"),
        ("environments/staging.yaml", "name: staging\nname: staging\n", "given twice"),
        ("environments/staging.yaml", "name: [\n", "staging.yaml"),
        ("environments/staging.yaml", "", "staging.yaml: $:"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(folder: Path, file: str, content: str, expected: str) -> None:
    (folder / file).write_text(content)
    with pytest.raises(DefinitionsError) as raised:
        load_definitions(folder / "experiments", folder / "environments")
    assert expected in str(raised.value)


def test_an_experiment_needs_the_policy_of_its_environment(folder: Path) -> None:
    (folder / "environments" / "staging.yaml").unlink()
    with pytest.raises(DefinitionsError, match=r"environment: 'staging' has no policy \(known: pre-prod\)"):
        load_definitions(folder / "experiments", folder / "environments")


@pytest.mark.parametrize("named", ["moon", "pre-prod"])
def test_proof_is_asked_for_in_another_environment_that_is_there(folder: Path, named: str) -> None:
    (folder / "environments" / "pre-prod.yaml").write_text(f"name: pre-prod\npromotion:\n  environment: {named}\n")
    with pytest.raises(DefinitionsError, match=rf"promotion.environment: '{named}' is no other environment here \(known: staging\)"):
        load_definitions(folder / "experiments", folder / "environments")


def test_the_code_asset_holds_package_and_definitions(tmp_path: Path) -> None:
    definitions = load_definitions(DEFINITIONS / "experiments", DEFINITIONS / "environments")
    folder = code.stage_code(definitions, RUNTIME, tmp_path)
    assert (folder / "squall" / "handlers" / "start_fault.py").is_file()
    catalogue = json.loads((folder / "squall" / "deployed" / "catalogue.json").read_text())
    assert set(catalogue) == {"weekly", "by-hand"}
    environments = json.loads((folder / "squall" / "deployed" / "environments.json").read_text())
    assert environments["pre-prod"]["allowed_types"] == ["network_latency", "cpu_stress"]
    assert "timing" not in environments["pre-prod"], "what is left out stays out"
    assert code.stage_code(definitions, RUNTIME, tmp_path) == folder
    modules, compiled = ({path.stem.partition(".")[0] for path in folder.rglob(f"*.{kind}")} for kind in ("py", "pyc"))
    assert compiled == modules
    assert code.stage_code(definitions, "python3.99", tmp_path) != folder, "a folder without bytecode is another asset"


def test_functions_find_their_definitions_in_the_code_asset(tmp_path: Path) -> None:
    folder = code.stage_code(load_definitions(DEFINITIONS / "experiments", DEFINITIONS / "environments"), RUNTIME, tmp_path)
    program = (
        "from squall.application.admission.deployed import load_deployed; known = load_deployed(); "
        "print(*sorted(known.catalogue), *sorted(known.environments))"
    )
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["by-hand", "weekly", "pre-prod", "staging"], done.stderr


UNPLAIN = {
    "an alias": ("a: &x [1]\nb: *x\n", "aliases (*name) are not accepted"),
    "a small file that becomes a large one": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "aliases (*name) are not accepted"),
    "a key that is a list": ("? [a, b]\n: c\n", "a key is a list or an object"),
    "a key that is an object": ("? {a: b}\n: c\n", "a key is a list or an object"),
}


@pytest.mark.parametrize(("content", "expected"), UNPLAIN.values(), ids=UNPLAIN)
@pytest.mark.parametrize("folder_name", ["experiments", "environments"])
def test_yaml_that_is_not_plain_is_refused_with_a_sentence(folder: Path, folder_name: str, content: str, expected: str) -> None:
    (folder / folder_name / "odd.yaml").write_text(content)
    with pytest.raises(DefinitionsError, match=re.escape(expected)):
        load_definitions(folder / "experiments", folder / "environments")


def test_a_parameter_that_the_fault_does_not_know_is_refused_at_synth(folder: Path) -> None:
    file = folder / "experiments" / "by-hand.yaml"
    file.write_text(file.read_text() + "parameters: {nonsense: 1}\n")
    with pytest.raises(DefinitionsError, match=r"by-hand.yaml: parameters.nonsense"):
        load_definitions(folder / "experiments", folder / "environments")


def test_an_experiment_for_several_regions_is_deployed_as_it_is_written_and_runs_as_a_campaign(folder: Path) -> None:
    experiments, campaigns = folder / "experiments", folder / "campaigns"
    weekly = (experiments / "weekly.yaml").read_text().partition("schedule:")[0]
    both = weekly.replace("single_instance", "multiple_region").replace(
        "target_resources: [i-1234567890abcdef0]", "target: {tags: {app: shop}}"
    )
    (experiments / "both.yaml").write_text(f"{both}regions: {{eu-west-1: null, eu-central-1: {{stop_alarms: [orders-too-few]}}}}\n")
    campaigns.mkdir(exist_ok=True)
    (campaigns / "both.yaml").write_text("{name: Both, description: d, kind: regions, experiment: both}\n")
    definitions = load_definitions(experiments, folder / "environments", campaigns)
    assert "both" not in definitions.in_one_region, "no schedule of its own starts it"
    catalogue = definitions.files()["catalogue.json"]["both"]
    assert isinstance(catalogue, dict)
    assert catalogue["regions"] == {"eu-west-1": None, "eu-central-1": {"stop_alarms": ["orders-too-few"]}}


def test_a_policy_that_allows_no_run_over_several_regions_refuses_its_campaign_at_synth(folder: Path) -> None:
    experiments, campaigns, policy = folder / "experiments", folder / "campaigns", folder / "environments" / "staging.yaml"
    weekly = (experiments / "weekly.yaml").read_text().partition("schedule:")[0]
    both = weekly.replace("single_instance", "multiple_region").replace(
        "target_resources: [i-1234567890abcdef0]", "target: {tags: {app: shop}}"
    )
    (experiments / "both.yaml").write_text(f"{both}regions: {{eu-west-1: null, eu-central-1: null}}\n")
    campaigns.mkdir(exist_ok=True)
    (campaigns / "both.yaml").write_text("{name: Both, description: d, kind: regions, experiment: both}\n")
    policy.write_text(policy.read_text() + "allowed_blast_radius: [single_instance, single_region]\n")
    with pytest.raises(DefinitionsError, match="the run is multiple_region"):
        load_definitions(experiments, folder / "environments", campaigns)


def test_a_step_in_a_member_is_checked_against_the_fleet_at_synth(folder: Path) -> None:
    campaigns, fleet = folder / "campaigns", folder / "fleet.yaml"
    campaigns.mkdir(exist_ok=True)
    named = ("member: payments", "member: serch, name: b", "member: search, name: c")
    steps = f"[{', '.join(f'{{experiment: theirs, {each}}}' for each in named)}]"
    (campaigns / "drill.yaml").write_text(f"{{name: Drill, description: d, kind: suite, steps: {steps}}}\n")
    fleet.write_text(EXAMPLE_FLEET.read_text().replace("operator]", "operator, campaign]"))
    with pytest.raises(DefinitionsError) as refused:
        load_definitions(folder / "experiments", folder / "environments", campaigns, fleet)
    told = str(refused.value)
    assert "steps[0]" not in told
    assert 'drill.yaml: steps[1].member: "serch" is no member of the fleet, did you mean "search"?' in told
    assert "drill.yaml: steps[2].member: search does not let home's campaigns run there" in told
    with pytest.raises(DefinitionsError, match="fleet_file names none"):
        load_definitions(folder / "experiments", folder / "environments", campaigns)
