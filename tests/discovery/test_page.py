"""The posture page: everything of the document on it, harmless whatever an account's names are, and a map without overlaps."""

from __future__ import annotations

from itertools import pairwise

import pytest

from discovery.inventory import Inventory
from discovery.page.map import HEIGHT, WIDTH, Map
from discovery.page.page import build_page, render_posture
from discovery.posture import Posture, build_posture
from tests.discovery import sample
from tests.discovery.answers import Session
from tests.discovery.looking import look
from tests.discovery.shop import Shop, answers

ATTACK = """<script>window.hit=1</script>"><img src=x onerror="window.hit=2">\u202e"""


@pytest.fixture(scope="module")
def posture(tmp_path_factory: pytest.TempPathFactory) -> Posture:
    denied = frozenset({"lambda.ListFunctions"})
    return look(Session(answers([Shop(0), Shop(1, zones=1)]), denied), tmp_path_factory.mktemp("scan"))


def test_the_page_has_every_service_proposal_risk_and_gap(posture: Posture) -> None:
    text = render_posture(posture)
    for service in posture.services:
        assert service.service.name in text
    for proposal in posture.proposals:
        assert f"{proposal.name}.yaml" in text
        assert f"squall plan experiments/{proposal.name}.yaml" in text
    assert "lambda:ListFunctions" in text
    assert "everything that serves is in eu-west-1a" in text


def test_boxes_of_the_map_do_not_overlap_and_lines_join_them(posture: Posture) -> None:
    drawn: Map = build_page(posture).map
    assert len(drawn.boxes) == len(posture.services) + len(posture.entries)
    assert len(drawn.lines) == len(posture.relations)
    places = sorted((box.x, box.y) for box in drawn.boxes)
    assert all(x1 != x2 or y2 - y1 >= HEIGHT for (x1, y1), (x2, y2) in pairwise(places))
    assert all(box.x + WIDTH <= drawn.width and box.y + HEIGHT <= drawn.height for box in drawn.boxes)


def test_names_of_an_account_are_only_text() -> None:
    groups = tuple(group.model_copy(update={"name": ATTACK}) for group in sample.inventory().scaling_groups)
    page = render_posture(build_posture(sample.inventory(scaling_groups=groups), sample.levels(), "staging"))
    assert "<img" not in page
    assert "<script>window" not in page
    assert "\u202e" not in page


def test_an_empty_account_has_a_page_too() -> None:
    posture = build_posture(
        Inventory(account=sample.ACCOUNT, region=sample.REGION, at=sample.NOW), {}, "staging"
    )  # fmt: skip
    assert "0 services" in render_posture(posture)


def test_a_grave_risk_stands_before_smaller_ones(posture: Posture) -> None:
    tones = [section.state.tone for section in build_page(posture).sections]
    assert tones == sorted(tones, key=["bad", "open", "good"].index)
    assert tones[0] == "bad"
