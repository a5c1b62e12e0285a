"""`squall import`: files that validate, exit codes, bad input within a second, and nothing that is replaced unasked."""

import json
import time
from pathlib import Path

import pytest
import yaml

from cli import session
from cli.aws import calls
from squall.adapters.fis.experiments import Fis
from tests.cli.conftest import Squall
from tests.cli.importing.importing import FOLDER, read

LAUGHS = "method:\n  - &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  - &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)


def _write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_whole_template_is_written_as_a_valid_file_with_its_schema(squall: Squall, tmp_path: Path) -> None:
    out = tmp_path / "experiments"
    done = squall("import", str(FOLDER / "fis-terminate.json"), "--out", str(out), "--environment", "test")
    assert done.exit_code == 0, done.output
    assert "whole, and no policy of environment test lies beside it, so none judged it" in done.stdout
    path = out / "one-shop-instance-is-lost.yaml"
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=../schemas/experiment.schema.json\n# Imported by `squall import`")
    assert yaml.safe_load(text)["environment"] == "test"
    assert (tmp_path / "schemas" / "experiment.schema.json").exists()
    assert squall("validate", str(path)).exit_code == 0


def test_a_loss_is_a_comment_a_line_of_the_output_and_exit_code_4(squall: Squall, tmp_path: Path) -> None:
    done = squall("import", str(FOLDER / "fis-answer.json"), "--out", str(tmp_path), "--json")
    assert done.exit_code == 4
    (made,) = json.loads(done.stdout)["experiments"]
    assert made["lost"][0]["path"] == "actions.stress.parameters.documentVersion"
    assert made["validation"]["valid"]
    text = Path(made["file"]).read_text()
    assert "# LOST: 1." in text
    assert "#   - actions.stress.parameters.documentVersion:" in text
    again = squall("import", str(FOLDER / "fis-answer.json"), "--out", str(tmp_path), "--force")
    assert again.exit_code == 4
    assert "lost: actions.stress.parameters.documentVersion" in again.stdout


def test_a_file_that_exists_is_replaced_only_with_force_and_then_nothing_is_written(squall: Squall, tmp_path: Path) -> None:
    mine = tmp_path / "one-shop-instance-is-lost.yaml"
    mine.write_text("mine")
    sources = [str(FOLDER / "terraform-state.json"), str(FOLDER / "fis-terminate.json"), "--out", str(tmp_path)]
    refused = squall("import", *sources)
    assert (refused.exit_code, mine.read_text(), len(list(tmp_path.glob("*.yaml")))) == (3, "mine", 1)
    assert squall("import", *sources, "--force").exit_code == 0
    assert mine.read_text() != "mine"


def test_two_experiments_of_one_name_have_two_files(squall: Squall, tmp_path: Path) -> None:
    source = str(FOLDER / "fis-terminate.json")
    done = squall("import", source, source, "--out", str(tmp_path))
    assert (done.exit_code, len(list(tmp_path.glob("*.yaml")))) == (0, 2)


def test_a_source_of_which_no_experiment_can_be_made_is_refused(squall: Squall, tmp_path: Path) -> None:
    done = squall("import", str(FOLDER / "fis-unknown-action.json"), "--out", str(tmp_path / "out"))
    assert (done.exit_code, (tmp_path / "out").exists()) == (3, False)
    assert "Impair-Queue: Squall does not know what it does" in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("laughs.yaml", LAUGHS, "aliases (*name) are not accepted"),
        ("deep.json", '{"actionId":' * 100_000, "nested too deeply"),
        ("deep.yaml", "method:\n" + " [\n" * 100_000, "nested deeper than 64 levels"),
        ("deep-but-closed.json", '{"actionId":' * 500 + "1" + "}" * 500, "nested deeper than 64 levels"),
        ("number.json", '{"actionId": ' + "9" * 100_000 + "}", "is not JSON"),
        ("twice.json", '{"actionId": {}, "actionId": {}}', "given twice"),
        ("twice.yaml", "method: []\nmethod: []\n", "given twice"),
        ("two.yaml", "method: []\n---\nmethod: []\n", "several YAML documents"),
        ("cut.json", '{"name": 1', "cut.json:1 is not JSON"),
        ("cut.yaml", "name: [1\nb: 2\n", "is not YAML"),
        ("plain-laughs.yaml", "a: &a [lol]\nb: [*a, *a]\n", "plain-laughs.yaml:2 aliases (*name) are not accepted"),
        ("notes.yaml", "shopping: [milk]\n", "holds nothing that can be imported"),
        ("binary.json", b"\xff\xfe\x00", "is not UTF-8 text"),
        ("main.tf", 'resource "aws_fis_experiment_template" "x" {}', "terraform show -json"),
        ("list.json", '["actionId"]', "is nothing that can be imported"),
        ("stack.json", '{"Resources": {"A": {"Type": "AWS::FIS::Other"}}}', "no resource of type AWS::FIS::ExperimentTemplate"),
        ("listed.json", '{"experimentTemplates": [{"actionId": 1}]}', "squall import --id EXT"),
        ("python.yaml", "method: !!python/object/apply:os.system [id]\n", "is not YAML"),
    ],
    ids=lambda value: value if len(value) < 20 else "content",
)
def test_bad_input_is_a_clear_error_within_a_second(squall: Squall, tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    path = _write(tmp_path, name, content)
    squall("import", str(tmp_path / "none.json"))  # what the command imports when it starts is not the input's time
    begin = time.process_time()
    done = squall("import", path, "--out", str(tmp_path / "out"))
    spent = time.process_time() - begin
    assert (done.exit_code, (tmp_path / "out").exists()) == (3, False)
    assert words in done.stderr
    assert spent < 1


@pytest.mark.parametrize("name", ["large.json", "large.yaml"])
def test_fifty_megabytes_are_refused_before_they_are_read(squall: Squall, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(50_000_000)
    done = squall("import", str(path))
    assert done.exit_code == 3
    assert "is longer than" in done.stderr


def test_without_a_source_there_is_nothing_to_import(squall: Squall) -> None:
    assert squall("import").exit_code == 3


def test_a_template_of_the_account_is_read_by_its_id(squall: Squall, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers = {"EXT2b3c4d5e6f7a8b9": read("fis-answer.json")["experimentTemplate"]}
    monkeypatch.setattr(session, "point_at_account", lambda options: False)
    monkeypatch.setattr(calls, "make_client", lambda aws, service: None)
    monkeypatch.setattr(Fis, "template", lambda fis, template_id: answers.get(template_id))
    done = squall("import", "--id", "EXT2b3c4d5e6f7a8b9", "--out", str(tmp_path), "--region", "eu-west-1", "--json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["experiments"][0]["source"] == "EXT2b3c4d5e6f7a8b9"
    missing = squall("import", "--id", "EXT9", "--out", str(tmp_path), "--region", "eu-west-1")
    assert missing.exit_code == 3
    assert "There is no FIS template 'EXT9'" in missing.stderr
