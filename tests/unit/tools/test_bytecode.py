"""What is deployed carries bytecode that Python uses as it is."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.build_layer import native_platform
from scripts.bytecode import compile_folder, compiler_version

RUNTIME, _ = native_platform()
SOURCE = "ANSWER = {'forty-two', 'one', 'two'}\n\ndef fail():\n    raise ValueError('here')\n"


def compiled(folder: Path) -> Path:
    (folder / "deployed").mkdir(parents=True)
    (folder / "deployed" / "module.py").write_text(SOURCE)
    assert compile_folder(folder, RUNTIME, "/var/task")
    return folder


def run(folder: Path, program: str) -> str:
    command = [sys.executable, "-B", "-S", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_python_uses_the_bytecode_whatever_time_an_archive_gave_the_source(tmp_path: Path) -> None:
    folder = compiled(tmp_path)
    (folder / "deployed" / "module.py").write_text("not Python, so this would fail if it were compiled again\n")
    assert run(folder, "import deployed.module; print(len(deployed.module.ANSWER))") == "3"


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = ([path.read_bytes() for path in compiled(tmp_path / name).rglob("*.pyc")] for name in ("first", "second"))
    assert first
    assert first == second


def test_a_runtime_that_is_not_installed_gets_no_bytecode(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(SOURCE)
    assert not compile_folder(tmp_path, "python3.99", "/opt")
    assert not list(tmp_path.rglob("*.pyc"))
    assert compiler_version("python3.99") == ""


def test_a_source_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def broken(:\n")
    with pytest.raises(subprocess.CalledProcessError):
        compile_folder(tmp_path, RUNTIME, "/opt")
