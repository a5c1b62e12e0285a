"""The notices name everything of others that Squall's artefacts contain, and the pages that embed it carry its licence."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from infra import code
from scripts.build_layer import LAYERS
from squall.version import VERSION

ROOT = Path(__file__).parents[3]
NOTICES = (ROOT / "THIRD-PARTY.md").read_text()
ROWS = dict(re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \| (?:dependencies|statistics) \|$", NOTICES, re.MULTILINE))
IN_LAYERS = sorted({name for layer in LAYERS for name in re.findall(r"^([a-z0-9-]+)==", layer.lock.read_text(), re.MULTILINE)})
CLASSIFIERS = {"MIT": "MIT", "MIT-0": "MIT", "BSD-3-Clause": "BSD", "PSF-2.0": "Python", "Apache-2.0": "Apache"}


def test_the_notices_name_every_package_of_the_layers_and_no_other() -> None:
    assert sorted(ROWS) == IN_LAYERS


@pytest.mark.parametrize("package", IN_LAYERS)
def test_a_licence_is_the_one_that_the_package_declares(package: str) -> None:
    declared = distribution(package).metadata
    words = " ".join(word for field in ("License-Expression", "Classifier", "License") for word in declared.get_all(field) or ())
    identifier = re.split(r"[; ]", ROWS[package])[0]
    assert identifier in words or CLASSIFIERS[identifier] in words


def test_a_page_with_charts_carries_the_licence_of_its_library() -> None:
    script = code.read_charting_files()["uPlot.iife.min.js"].decode()
    licence, library = (code.UPLOT / "LICENSE").read_text(), (code.UPLOT / "dist" / "uPlot.iife.min.js").read_text()
    assert script.startswith("/*!")
    assert script.partition("*/")[0].count(licence.strip()) == 1
    assert script.endswith(library)


def test_the_changelog_has_a_place_for_what_comes_and_every_version_once() -> None:
    titles = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert len(titles) == len(set(titles))
    assert VERSION in titles
