"""The campaigns on this disk, with the experiments and policies beside them, as in this project: `campaigns/`,
`experiments/` and `environments/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.arguments import definitions
from cli.arguments.policies import FOLDER as ENVIRONMENTS
from squall.admission.campaign import make_offline_check, make_offline_regions, parse_campaign, plan_campaign
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.campaign.definition import Campaign
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

    def make_plan(self, raw: object) -> CampaignPlan:
        """The plan of a campaign. Raises InvalidInput with every problem."""
        campaign = parse_campaign(raw)
        if not self.experiments or not self.environments:
            missing = EXPERIMENTS if not self.experiments else ENVIRONMENTS
            expected = f"a folder {missing} beside the campaign's folder"
            raise InvalidInput([Problem(path="$", message=f"no {missing} lie beside the campaign", expected=expected)])
        return plan_campaign(campaign, make_offline_check(self.experiments, self.environments), make_offline_regions(self.experiments))


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
    """The experiments and policies beside the folder of a campaign's file."""
    project = Path(file).absolute().parent.parent
    return Beside(_read_folder(project / EXPERIMENTS), _read_folder(project / ENVIRONMENTS))


def _read_folder(folder: Path) -> dict[str, Any]:
    documents = {}
    for file in sorted(folder.glob("*.y*ml")):
        try:
            documents[file.stem] = definitions.read_source(str(file)).raw
        except definitions.UnreadableError:
            continue
    return documents
