"""`report.md` of a campaign."""

from squall.reporting.campaign.page import CampaignPage
from squall.reporting.elements import Link, Table
from squall.reporting.markdown import MARKS, escape_text, render_cell

MOST_STEPS = 60
"""How many steps the text lists: a comment on a pull request has a longest length."""


def render_campaign_markdown(page: CampaignPage) -> str:
    """The text of `report.md`."""
    blocks = [
        f"## {MARKS[page.word.tone]} {escape_text(page.title)}: {escape_text(page.word.text)}",
        f"**{escape_text(page.reason)}**",
        escape_text(page.statement),
        escape_text(page.comparison),
        "\n".join(f"- {escape_text(tile.label)}: **{escape_text(tile.value)}** {escape_text(tile.note)}".rstrip() for tile in page.tiles),
        _render_table("Doses", page.doses),
        _render_findings(page),
        _render_table("Coverage", page.coverage),
        _render_table("Steps", page.steps),
        "### Where to look\n\n" + "\n".join(f"- [{escape_text(link.label)}]({link.url})" for link in page.links),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _render_findings(page: CampaignPage) -> str:
    lines = [f"- {escape_text(f'{found.severity.text}: {found.title}. {found.detail}')}" for found in page.findings]
    return "### Findings\n\n" + "\n".join(lines) if lines else ""


def _render_table(title: str, made: Table) -> str:
    if not made.rows:
        return ""
    lines = [list(made.columns), ["---"] * len(made.columns)]
    lines += [[_render_value(value) for value in row] for row in made.rows[:MOST_STEPS]]
    left_off = len(made.rows) - MOST_STEPS
    more = f"\n\n{left_off} more are in report.html." if left_off > 0 else ""
    return f"### {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + more


def _render_value(value: object) -> str:
    return f"[{escape_text(value.label)}]({value.url})" if isinstance(value, Link) else render_cell(value)
