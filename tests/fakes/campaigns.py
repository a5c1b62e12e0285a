"""Records of campaigns in a dictionary, with the conditions that the real table enforces; and the events told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from squall.adapters.eventbridge import make_prompt_detail
from squall.domain.campaign.record import MOST_NOTES, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from squall.domain.campaign.record import CampaignRecord, Note, PromptRun
    from squall.domain.run.record import Abort


class FakeCampaigns:
    def __init__(self) -> None:
        self.items: dict[str, CampaignRecord] = {}
        self.claims: dict[str, Claim] = {}

    def create(self, record: CampaignRecord) -> bool:
        if record.id in self.items:
            return False
        self.items[record.id] = record
        return True

    def get(self, campaign_id: str) -> CampaignRecord | None:
        return self.items.get(campaign_id)

    def save(self, record: CampaignRecord) -> bool:
        stored = self.items.get(record.id)
        if stored is None or stored.final or stored.version != record.version:
            return False
        self.items[record.id] = replace(record, version=record.version + 1)
        return True

    def request_abort(self, campaign_id: str, abort: Abort) -> bool:
        stored = self.items.get(campaign_id)
        if stored is None or stored.final or stored.abort is not None:
            return False
        self.items[campaign_id] = replace(stored, abort=abort, version=stored.version + 1)
        return True

    def add_note(self, campaign_id: str, note: Note) -> bool:
        stored = self.items.get(campaign_id)
        if stored is None or len(stored.notes) >= MOST_NOTES:
            return False
        self.items[campaign_id] = replace(stored, notes=(*stored.notes, note), version=stored.version + 1)
        return True

    def mark_told(self, campaign_id: str) -> None:
        if stored := self.items.get(campaign_id):
            self.items[campaign_id] = replace(stored, told=True)

    def list_open(self) -> Sequence[str]:
        return [record.id for record in self.items.values() if not record.told]

    def list_newest(self, limit: int) -> Sequence[CampaignRecord]:
        return sorted(self.items.values(), key=lambda record: record.started_at, reverse=True)[:limit]

    def claim_name(self, name: str, campaign_id: str, *, instead_of: str | None = None) -> Claim:
        held = self.claims.get(name)
        if held is None if instead_of is None else held is not None and held.holder == instead_of:
            self.claims[name] = Claim(campaign_id, instead_of or "")
        return self.claims[name]


class FakeCampaignEvents:
    def __init__(self) -> None:
        self.emitted: list[CampaignRecord] = []
        self.asked: list[dict[str, str | bool]] = []

    def emit(self, record: CampaignRecord) -> None:
        self.emitted.append(record)

    def ask(self, record: CampaignRecord, prompt: PromptRun, question: str, command: str) -> None:
        self.asked.append(make_prompt_detail(record, prompt, question, command))
