"""The posture as one HTML file that needs no network, in the style of Squall's reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from discovery.analysis.services import WORDS
from discovery.page.map import HEIGHT, WIDTH, Map, describe_state, draw_map
from discovery.proposals.text import write_yaml
from squall.reporting import page as reports
from squall.reporting.elements import Table, Tile, Word
from squall.reporting.formatting import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discovery.analysis.levels import Level
    from discovery.posture import Posture, ServicePosture
    from discovery.proposals.propose import Proposal

HERE = Path(__file__).parent
FIRST = 10
"""The number of proposals shown at the top of the page. The others are shown with their service."""
_TONES = {"missing": {"high": "bad", "medium": "open", "low": "open"}, "unknown": dict.fromkeys(("high", "medium", "low"), "plain")}


@dataclass(frozen=True)
class Card:
    """A proposal as the page shows it."""

    title: str
    file: str
    why: str
    risk: Word
    commands: str
    yaml: str


@dataclass(frozen=True)
class Section:
    """A service as the page shows it."""

    anchor: str
    title: str
    state: Word
    facts: tuple[tuple[str, str], ...]
    aspects: Table
    proposals: tuple[Card, ...]
    not_proposed: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PosturePage:
    title: str
    subtitle: str
    story: str
    tiles: tuple[Tile, ...]
    map: Map
    box: tuple[int, int]
    cards: tuple[Card, ...]
    more: int
    sections: tuple[Section, ...]
    gaps: Table


def render_posture(posture: Posture) -> str:
    """The page as HTML."""
    style = Markup((reports.ASSETS / "report.css").read_text() + (HERE / "posture.css").read_text())  # noqa: S704 - our own files
    script = Markup((reports.ASSETS / "shared.js").read_text())  # noqa: S704
    environment = Environment(
        loader=FileSystemLoader([HERE, reports.HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    policy = reports.make_policy(style, [script])
    template = environment.get_template("posture.html.j2")
    return template.render(page=build_page(posture), policy=policy, style=style, script=script)


def _clean_value(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else strip_invisible(value)


def build_page(posture: Posture) -> PosturePage:
    """The contents of the page, in their order."""
    cards = {proposal.name: _make_card(proposal) for proposal in posture.proposals}
    anchors = {entry.service.id: f"service-{number}" for number, entry in enumerate(posture.services, 1)}
    return PosturePage(
        title="What to try first",
        subtitle=f"Account {posture.account} · {posture.region} · {posture.at:%-d %B %Y, %H:%M} UTC",
        story=_write_story(posture),
        tiles=tuple(_make_tiles(posture)),
        map=draw_map(posture, anchors),
        box=(WIDTH, HEIGHT),
        cards=tuple(cards[proposal.name] for proposal in posture.proposals[:FIRST]),
        more=max(0, len(posture.proposals) - FIRST),
        sections=tuple(_make_section(entry, anchors[entry.service.id], cards) for entry in _sort_services(posture.services)),
        gaps=Table(
            columns=("Permission or call", "What AWS said"),
            rows=tuple((gap.action, f"{'denied' if gap.denied else 'failed'}: {gap.message}") for gap in posture.gaps),
        ),
    )


def _sort_services(services: Sequence[ServicePosture]) -> list[ServicePosture]:
    """Services with grave risks first."""
    tones = ("bad", "open", "good")
    return sorted(services, key=lambda entry: tones.index(describe_state(entry)[1]))


def _write_story(posture: Posture) -> str:
    count = len(posture.services)
    grave = sum(describe_state(entry)[1] == "bad" for entry in posture.services)
    proposed = len(posture.proposals)
    story = f"{count} service{'' if count == 1 else 's'}, "
    story += f"of which {grave} {'has' if grave == 1 else 'have'} a grave risk that shows without a fault."
    story += f" {proposed} experiment{' is' if proposed == 1 else 's are'} proposed, sorted by what they teach and how little they risk."
    if posture.gaps:
        story += " Some calls were denied or failed, so not everything was seen: they are listed at the end."
    return story


def _make_tiles(posture: Posture) -> list[Tile]:
    missing = [aspect for entry in posture.services for aspect in entry.aspects if aspect.state == "missing"]
    users = [entry for entry in posture.services if entry.service.target_groups]
    blind = sum(any(a.code == "no_alarm_on_users" and a.state == "missing" for a in entry.aspects) for entry in users)
    return [
        Tile("Services", str(len(posture.services)), f"{len(users)} behind a load balancer"),
        Tile("Grave risks", str(sum(aspect.weight == "high" for aspect in missing)), f"{len(missing)} risks in all"),
        Tile("No alarm on users", str(blind), f"of {len(users)} that users reach"),
        Tile("Proposals", str(len(posture.proposals)), "valid as they are"),
        Tile("Not seen", str(len(posture.gaps)), "calls denied or failed"),
    ]


def _make_card(proposal: Proposal) -> Card:
    commands = "\n".join((*proposal.tag_commands, f"squall plan experiments/{proposal.name}.yaml"))
    return Card(
        proposal.title,
        f"{proposal.name}.yaml",
        proposal.why,
        Word(f"{proposal.risk} risk", Word.of(proposal.risk).tone),
        commands,
        write_yaml(proposal),
    )


def _make_section(posture: ServicePosture, anchor: str, cards: dict[str, Card]) -> Section:
    service = posture.service
    note, tone = describe_state(posture)
    facts = [
        ("Environment", posture.environment or "not opted in"),
        ("Zones", ", ".join(service.zones) or "none of its own"),
        ("Present level", describe_level(posture.level)),
        ("Uses", ", ".join(name.rpartition(":")[2] for name in (*service.uses, *service.hosts))),
    ]
    return Section(
        anchor=anchor,
        title=f"{WORDS[service.kind]} {service.name}",
        state=Word(note, tone),
        facts=tuple((name, value) for name, value in facts if value),
        aspects=_make_aspects(posture),
        proposals=tuple(cards[name] for name in posture.proposals),
        not_proposed=tuple((entry.title, entry.reason) for entry in posture.not_proposed),
    )


def _make_aspects(posture: ServicePosture) -> Table:
    rows = tuple(
        (aspect.title, Word(aspect.state, _TONES.get(aspect.state, {}).get(aspect.weight, "good")), aspect.detail, aspect.advice)
        for aspect in posture.aspects
    )
    return Table(columns=("Aspect", "State", "What there is", "What would help"), rows=rows)


def describe_level(level: Level) -> str:
    """The present level in words; empty if nothing is known."""
    parts = (
        (level.requests_per_second, "{:.3g} requests/s"),
        (level.availability_percent, "availability {:.4g} %"),
        (level.response_seconds, "response time {:.3g} s"),
        (level.response_p99_seconds, "p99 {:.3g} s"),
        (level.cpu_percent, "CPU {:.0f} %"),
        (level.memory_percent, "memory {:.0f} %"),
        (level.disk_percent, "disk {:.0f} %"),
        (level.invocations, "{:.3g} invocations/min"),
    )
    return ", ".join(text.format(value) for value, text in parts if value is not None)
