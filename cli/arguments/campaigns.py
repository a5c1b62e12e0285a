"""The campaigns on this disk, with the experiments and policies beside them, as in this project: `campaigns/`,
`experiments/` and `environments/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cli.arguments import definitions, fleets
from cli.arguments.policies import FOLDER as ENVIRONMENTS
from infra.account.fleet import CAMPAIGN, parse_fleet
from squall.admission.campaign import make_offline_check, make_offline_regions, parse_campaign, plan_campaign
from squall.domain.base.problems import WHOLE, InvalidInput, Problem, list_validation_problems
from squall.domain.campaign.definition import Campaign, CampaignInput
from squall.domain.experiment.experiment import Experiment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from squall.domain.campaign.plan import CampaignPlan

FOLDER, EXPERIMENTS = "campaigns", "experiments"


@dataclass(frozen=True)
class Beside:
    """What lies beside a campaign's file, raw and by name. A file that can't be read is left out: validating it says
    why."""

    experiments: Mapping[str, Any]
    environments: Mapping[str, Any]
    members: Mapping[str, bool] | None = None
    """The members of the fleet, and whether each lets home's campaigns run there; None if no valid `fleet.yaml` is there."""

    def make_plan(self, raw: object, overrides: Mapping[str, Any] | None = None) -> CampaignPlan:
        """The plan of a campaign. `overrides`: those of a run over several Regions. Raises InvalidInput with every problem."""
        campaign = parse_campaign(raw)
        if not self.experiments or not self.environments:
            missing = EXPERIMENTS if not self.experiments else ENVIRONMENTS
            expected = f"a folder {missing} beside the campaign's folder"
            raise InvalidInput([Problem(path="$", message=f"no {missing} lie beside the campaign", expected=expected)])
        admit, regions = make_offline_check(self.experiments, self.environments), make_offline_regions(self.experiments)
        return plan_campaign(campaign, admit, regions, request=_make_input(overrides) if overrides else None, members=self.members)


def _make_input(overrides: Mapping[str, Any]) -> CampaignInput:
    """The input of a run over several Regions with these overrides. Raises InvalidInput."""
    raw = {"campaign": "file", "overrides": overrides}
    try:
        return CampaignInput.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(list_validation_problems(error, raw, WHOLE, CampaignInput)) from None


def is_campaign(raw: object) -> bool:
    """Whether more of the keys belong to a campaign than to an experiment."""
    keys = set(raw) if isinstance(raw, dict) else set()
    return len(keys & set(Campaign.model_fields)) > len(keys & set(Experiment.model_fields))


def find_file(argument: str) -> str:
    """The file that NAME|FILE means: a path, or a name in the folder `campaigns` here."""
    if definitions.looks_like_file(argument):
        return argument
    return next((str(file) for file in sorted(Path(FOLDER).glob("*.y*ml")) if file.stem == argument), f"{FOLDER}/{argument}.yaml")


def read_beside(file: str) -> Beside:
    """The experiments, the policies and the fleet beside the folder of a campaign's file."""
    project = Path(file).absolute().parent.parent
    return Beside(read_folder(file, EXPERIMENTS), read_folder(file, ENVIRONMENTS), _read_members(project / fleets.FILE))


def _read_members(file: Path) -> dict[str, bool] | None:
    try:
        fleet = parse_fleet(definitions.read_source(str(file)).raw)
    except (definitions.UnreadableError, InvalidInput):
        return None
    return {name: CAMPAIGN in member.grants for name, member in fleet.members.items()}


def read_folder(file: str, folder: str) -> dict[str, Any]:
    """What lies in that folder of the project that a file belongs to, raw and by name."""
    documents = {}
    for beside in sorted((Path(file).absolute().parent.parent / folder).glob("*.y*ml")):
        try:
            documents[beside.stem] = definitions.read_source(str(beside)).raw
        except definitions.UnreadableError:
            continue
    return documents
