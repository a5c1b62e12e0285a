"""The records of campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the abort path loads no pydantic
    from collections.abc import Sequence

    from squall.domain.campaign.record import CampaignRecord, Claim, Note, PromptRun
    from squall.domain.run.record import Abort


class Campaigns(Protocol):
    """Records of campaigns in the table. `get` is consistent; a list is eventually consistent."""

    def create(self, record: CampaignRecord) -> bool:
        """Write a new record. False if there is one under its id."""

    def get(self, campaign_id: str) -> CampaignRecord | None:
        """The record; None if there is none."""

    def save(self, record: CampaignRecord) -> bool:
        """Write the record in the place of the version that it was made from (`record.version`). False, and nothing
        written, if somebody has written since, or if the stored record is final."""

    def request_abort(self, campaign_id: str, abort: Abort) -> bool:
        """Record why no further step starts, once. False if the record is final, absent or has a reason already."""

    def add_note(self, campaign_id: str, note: Note) -> bool:
        """Append a note, also to a record that is final. False if there is no record, or if it has the most notes."""

    def mark_told(self, campaign_id: str) -> None:
        """Note that people and machines have been told how the campaign ended. It is in no list of open campaigns after that."""

    def list_open(self) -> Sequence[str]:
        """The ids of the campaigns that run, or of whose end nobody has been told yet."""

    def list_newest(self, limit: int) -> Sequence[CampaignRecord]:
        """The newest campaigns, the newest first, at most `limit`."""

    def claim_name(self, name: str, campaign_id: str, *, instead_of: str | None = None) -> Claim:
        """Claim that this campaign is the one of its name that runs, and return the claim as it stands after that.
        `instead_of`: the id of a holder that is over, whose claim is replaced."""


class CampaignEvents(Protocol):
    """Events about campaigns, on the event bus."""

    def emit(self, record: CampaignRecord) -> None:
        """Put a `Squall Campaign State Change` event on the bus."""

    def ask(self, record: CampaignRecord, prompt: PromptRun, question: str, command: str) -> None:
        """Put a `Squall Campaign Prompt` event on the bus. `command`: how the prompt is answered."""
