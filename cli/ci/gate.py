"""`squall gate`: passes only if each experiment was validated lately, in the form that its file has now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cli import output, session
from cli.arguments.definitions import UnreadableError, read_source
from cli.arguments.request import Request
from cli.commands.campaigns.regions import look_up
from cli.commands.run import follow_to_end, start_execution
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line, safe_text
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import Verdict
from squall.domain.experiment.hashes import definition_hash
from squall.domain.regions.definition import list_regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.experiment.experiment import Experiment

RUNS = 50
"""How many of an experiment's newest runs are looked at."""


@dataclass(frozen=True)
class Standing:
    """Whether an experiment passes, and why."""

    file: str
    experiment: str
    code: Exit
    reason: str
    execution_id: str | None = None

    @property
    def passed(self) -> bool:
        return self.code is Exit.VALIDATED


def check_experiments(options: Options, files: Sequence[str], days: int, *, rerun: bool) -> int:
    """Returns 0 if each experiment passes, 1 if the newest run of one refuted it, otherwise 3. With `rerun`, runs those that
    do not pass first."""
    if not 1 <= days <= 366:
        raise CommandError(f"--within {days} is out of range.", "It takes 1 to 366 days.", code=Exit.REFUSED)
    experiments = {file: _read_experiment(file) for file in files}
    deployment = session.find_deployment(options)
    standings = [find_standing(deployment, file, experiment, days) for file, experiment in experiments.items()]
    if rerun:
        standings = [
            standing if standing.passed else _run_again(deployment, standing.file, experiments[standing.file], days, as_json=options.json)
            for standing in standings
        ]
    _show(standings, as_json=options.json)
    codes = {standing.code for standing in standings} - {Exit.VALIDATED}
    return Exit.REFUTED if Exit.REFUTED in codes else Exit.REFUSED if codes else Exit.VALIDATED


def find_standing(deployment: Deployment, file: str, experiment: Experiment, days: int) -> Standing:
    """The newest run that decided the hypothesis counts, if it ran exactly this definition in its environment. A later
    refutation takes an earlier validation back."""

    def answer(code: Exit, reason: str, execution_id: str | None = None) -> Standing:
        return Standing(file, experiment.name, code, reason, execution_id)

    wanted = definition_hash(experiment)
    runs = [run for run in deployment.runs_of(experiment.name, RUNS) if run.environment == experiment.environment]
    for run in runs:
        if not run.decisive:
            continue
        record = deployment.record(run.execution_id)
        if record is None:  # it may have refuted this definition
            return answer(Exit.REFUSED, "the record of a decisive run is gone, so nobody can say what it judged", run.execution_id)
        if record.definition_hash != wanted:
            continue
        if run.verdict is not Verdict.VALIDATED:
            word = run.verdict.value if run.verdict else run.status.value
            return answer(Exit.REFUTED, f"the newest run of this definition is {word}", run.execution_id)
        age = datetime.now(UTC) - run.started_at
        if age > timedelta(days=days):
            return answer(Exit.REFUSED, f"validated {age.days} days ago, more than {days}", run.execution_id)
        return answer(Exit.VALIDATED, f"validated {age.days} days ago", run.execution_id)
    others = [run for run in runs if run.verdict is Verdict.VALIDATED]
    if others:
        return answer(Exit.REFUSED, "validated in another form only: the definition has changed since", others[0].execution_id)
    return answer(Exit.REFUSED, f"no validated run in {experiment.environment} among its last {RUNS} runs")


def _run_again(deployment: Deployment, file: str, experiment: Experiment, days: int, *, as_json: bool) -> Standing:
    request = Request.of(Path(file).stem, "run", [], None, None)
    if regional := look_up(deployment, request):
        message = f"{regional.name} of the catalogue is for several Regions, and {file} is not."
        raise CommandError(message, "Deploy the file, or give it another name.", code=Exit.REFUSED)
    started = start_execution(deployment, request)
    output.write_note(f"Started {started.execution_id} ({request.title}) in {deployment.region}.")
    follow_to_end(deployment, request.title, started.execution_id, None, as_json=as_json)
    standing = find_standing(deployment, file, experiment, days)
    if standing.passed and standing.execution_id != started.execution_id:
        return Standing(file, experiment.name, Exit.REFUSED, "the run that was just made did not validate it", started.execution_id)
    return standing


def _read_experiment(file: str) -> Experiment:
    try:
        raw = read_source(file).raw
        if regions := list_regions(raw):
            message = f"{file} runs in {', '.join(regions)} at the same time, and a gate looks at runs in one Region."
            raise CommandError(message, "`squall run` of it exits with how all of them ended together.", code=Exit.REFUSED)
        return parse_experiment(raw)
    except UnreadableError as error:
        raise CommandError(f"{file} {error.message}.", code=Exit.REFUSED) from error
    except InvalidInput as error:
        hint = f"`squall validate {file}` shows all {len(error.problems)} problems."
        raise CommandError(f"{file} is not a valid experiment.", hint, code=Exit.REFUSED) from error


def _show(standings: Sequence[Standing], *, as_json: bool) -> None:
    if as_json:
        rows = [asdict(standing) | {"passed": standing.passed, "code": int(standing.code)} for standing in standings]
        output.write_json({"passed": all(standing.passed for standing in standings), "experiments": rows})
        return
    console = output.make_console()
    for standing in standings:
        execution = f" ({standing.execution_id})" if standing.execution_id else ""
        text = f"{'passed' if standing.passed else 'FAILED'}  {standing.file}: {clean_line(standing.reason)}{execution}"
        console.print(safe_text(text, "green" if standing.passed else "bold red"), soft_wrap=True)
