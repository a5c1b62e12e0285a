"""Makes experiments of a FIS template. What they mean is read by adoption, as for `fis_template_id`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cli.drafting.experiment import JUDGEMENT
from cli.importing.candidates import list_candidates, locate_documents
from cli.importing.mending import Reading, read_as
from cli.importing.parts import LONGEST_DESCRIPTION, Part, explain_cut, split_template
from cli.importing.place import find_place
from cli.importing.scenario import Piece, combine_pieces
from cli.importing.shape import check_template
from cli.importing.values import REPLACE, Loss, Source, has_token
from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import BlastRadius, FaultType, Mode, ResourceType
from squall.domain.documents.definition import Definition
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length
from squall.domain.resources.types import ZONELESS
from squall.domain.run.fis_state import WAIT
from squall.faults.adoption.actions import find_length
from squall.faults.adoption.entries import read_touched
from squall.faults.adoption.scenario import Span
from squall.faults.adoption.template import ABOUT_ITSELF, list_replaced
from squall.faults.custom.fault import CustomFault
from squall.faults.custom.problems import write_rollback
from squall.faults.fis import LONGEST, iso_duration
from squall.faults.template import MAXIMUM_STOP_CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.importing.place import Place
    from squall.domain.policy.environment import Environment
    from squall.faults.base import AnyFault

OBSERVED = timedelta(minutes=10)
"""How long the effect of a fault is observed that is over at once, if the template says nothing."""
MOST_ALARMS = 4


@dataclass(frozen=True)
class Imported:
    """An experiment, and what of its source it does not say."""

    origin: str
    name: str
    document: dict[str, Any]
    losses: tuple[Loss, ...]
    replaced: tuple[str, ...]
    """What Squall has its own of, in words."""
    added: tuple[str, ...]
    """Fields that the source does not have, and that hold examples."""


@dataclass(frozen=True)
class Refused:
    """A part of a source of which no experiment can be made."""

    origin: str
    problems: tuple[Problem, ...]


def import_source(source: Source, policy: Environment, region: str | None) -> list[Imported | Refused]:
    """The experiment of the source, a scenario if it has several faults; or an experiment for each fault where they can't be
    one, and why. `policy`: of the experiment's environment; the actions and documents that it lists are faults, too."""
    if source.problems:
        return [Refused(source.origin, source.problems)]
    try:
        template = check_template(source.template)
    except InvalidInput as invalid:
        return [Refused(source.origin, _describe(source, invalid))]
    parts = split_template(template)
    made = [_try_part(source, part, policy, region) for part in parts]
    pieces = [piece for piece in made if isinstance(piece, Piece)]
    if len(parts) == 1 or len(pieces) < len(parts):
        return [piece.imported if isinstance(piece, Piece) else piece for piece in made]
    radius = _join_radius(template, pieces)
    again = [_try_part(source, part, policy, region, radius) for part in parts]
    pieces = [piece for piece in again if isinstance(piece, Piece)]
    try:
        return [combine_pieces(template, pieces)]
    except InvalidInput as invalid:
        lost = [Loss("actions", f"can't be one scenario: {problem}") for problem in _describe(source, invalid)]
        return [replace(piece.imported, losses=(*piece.imported.losses, *lost)) for piece in pieces]


def _join_radius(template: Mapping[str, Any], pieces: list[Piece]) -> BlastRadius:
    """The radius that holds the targets of all faults: one target is one for all of them."""
    used = {name for action in template["actions"].values() for name in action.get("targets", {}).values()}
    radii = {piece.imported.document["blast_radius"] for piece in pieces}
    return BlastRadius(next(iter(radii))) if len(used) == len(radii) == 1 else BlastRadius.SINGLE_REGION


def _try_part(source: Source, part: Part, policy: Environment, region: str | None, radius: BlastRadius | None = None) -> Piece | Refused:
    origin = f"{source.origin}, {part.name}" if part.name else source.origin
    try:
        return _import_part(source, part, policy, region, origin, radius)
    except InvalidInput as invalid:
        return Refused(origin, _describe(source, invalid))


def _describe(source: Source, invalid: InvalidInput) -> tuple[Problem, ...]:
    words = source.unknowns.describe
    return tuple(
        Problem(
            path=words(problem.path),
            message=words(problem.message) + source.unknowns.explain(problem.message),
            expected=words(problem.expected),
        )
        for problem in invalid.problems
    )


def _import_part(source: Source, part: Part, policy: Environment, region: str | None, origin: str, radius: BlastRadius | None) -> Piece:
    """Raises InvalidInput if no fault of Squall is what the part does. `radius`: the one of all faults of a template."""
    attempts: list[tuple[AnyFault, dict[str, Any], Reading]] = []
    problems: list[Problem] = []
    place = find_place(dict(part.template), source.unknowns, region or source.unknowns.region)
    part = replace(part, template=locate_documents(part.template, place))
    for fault in list_candidates(_define(policy, place), part.template):
        try:
            draft = _draft(source, part, fault, policy.name, radius)
            reading = _read(source, part, fault, _define(policy, place, draft))
        except InvalidInput as invalid:
            problems += invalid.problems
            continue
        attempts.append((fault, draft, reading))
    if not attempts:
        raise InvalidInput(dict.fromkeys(problems))
    fault, draft, reading = min(attempts, key=lambda attempt: _rank(attempt[0], attempt[2]))
    return _assemble(source, part, fault, draft, reading, origin)


def _rank(fault: AnyFault, reading: Reading) -> tuple[int, bool, int]:
    """How far the fault is from what the template says: what it does in another way weighs most."""
    return reading.altered, _is_refused(fault, reading), len(reading.losses)


def _is_refused(fault: AnyFault, reading: Reading) -> bool:
    """Whether the fault can't be injected with these parameters: one action can be several faults."""
    try:
        fault.parse(reading.parameters)
    except InvalidInput:
        return True
    return False


def _draft(source: Source, part: Part, fault: AnyFault, environment: str, radius: BlastRadius | None) -> dict[str, Any]:
    """The experiment without its target and its parameters. Raises InvalidInput."""
    template = part.template
    texts = _list_descriptions(source, template)
    name = source.unknowns.describe(source.name) + (f": {part.name}" if part.name else "")
    alarms = _list_alarms(template)
    guards = list(source.extra.get("abort_conditions", JUDGEMENT["abort_conditions"]))
    return {
        "name": one_line(name, 128) or "imported",
        "description": "; ".join(texts)[:LONGEST_DESCRIPTION] or f"Imported from {source.origin}"[:LONGEST_DESCRIPTION],
        "type": fault.type.value,
        "hypothesis": f"Users notice nothing, because the workload goes on without the {fault.resource_type.words} that is disturbed",
        "blast_radius": (radius or _choose_radius(template, fault)).value,
        "duration": iso_duration(_choose_length(template, fault)),
        "rollback_plan": "The fault ends by itself, or at once with squall abort; say here what to do if something stays broken",
        **JUDGEMENT,
        **source.extra,
        "abort_conditions": guards[: MAXIMUM_STOP_CONDITIONS - len(alarms)],
        "stop_alarms": alarms,
        "environment": environment,
        "tags": {key: value for key, value in template["tags"].items() if not key.startswith("squall:")},
    }


def _choose_length(template: Mapping[str, Any], fault: AnyFault) -> timedelta:
    """Raises InvalidInput for a length that no experiment has."""
    length = find_length(template["actions"], fault) or OBSERVED
    if not timedelta(seconds=1) <= length <= LONGEST:
        raise InvalidInput([Problem(path="actions", message=f"the fault lasts {length}", expected=f"at most {format_length(LONGEST)}")])
    return length


def _list_alarms(template: Mapping[str, Any]) -> list[str]:
    """The alarms of the stop conditions, as many as an experiment has. Adoption names those that are left."""
    named = [condition.get("value") for condition in template["stopConditions"] if condition.get("source") == "aws:cloudwatch:alarm"]
    return list(dict.fromkeys(str(value) for value in named if value))[:MOST_ALARMS]


def _choose_radius(template: Mapping[str, Any], fault: AnyFault) -> BlastRadius:
    """The narrowest radius that holds what the template hits."""
    if fault.beside is not None:
        return BlastRadius.SINGLE_REGION
    if (touched := read_touched(fault)) is not None:
        return BlastRadius.SINGLE_INSTANCE if len(touched.get("arns", ())) == 1 else BlastRadius.SINGLE_REGION
    targets = [template["targets"][name] for action in template["actions"].values() for name in action.get("targets", {}).values()]
    if all(target.get("selectionMode") == "COUNT(1)" for target in targets) and len(targets) == 1:
        return BlastRadius.SINGLE_AZ if fault.resource_type is ResourceType.SUBNET else BlastRadius.SINGLE_INSTANCE
    arns = [arn for target in targets for arn in target.get("resourceArns", ())]
    if len(arns) == 1 and fault.resource_type is not ResourceType.SUBNET and not any(target.get("resourceTags") for target in targets):
        return BlastRadius.SINGLE_INSTANCE
    one_zone = all(_names_one_zone(target) for target in targets) or len(arns) == 1
    return BlastRadius.SINGLE_AZ if one_zone and fault.resource_type not in ZONELESS else BlastRadius.SINGLE_REGION


def _names_one_zone(target: Mapping[str, Any]) -> bool:
    filters = [condition for condition in target.get("filters", ()) if "AvailabilityZone" in str(condition.get("path"))]
    zones = [value for condition in filters for value in condition.get("values", ())]
    return len(zones) == 1 or any("availabilityZone" in name and "," not in value for name, value in target.get("parameters", {}).items())


def _read(source: Source, part: Part, fault: AnyFault, definition: Definition) -> Reading:
    template = dict(part.template)
    return read_as(definition, template, fault, source.unknowns, length_known=find_length(template["actions"], fault) is not None)


def _define(policy: Environment, place: Place, draft: Mapping[str, Any] | None = None) -> Definition:
    """The definition with which adoption reads a template; `draft`: the experiment as far as it is known."""
    written: dict[str, Any] = {"fis_template_id": "EXTimported", "environment": "imported", "target": None, "tags": {}}
    known = draft or {"type": FaultType.CUSTOM, "blast_radius": BlastRadius.SINGLE_REGION, "duration": iso_duration(OBSERVED)}
    plain = {key: value for key, value in known.items() if key in {"type", "blast_radius", "duration", "stop_alarms"}}
    frame = {"name": "imported", "description": "imported", "hypothesis": "imported", "rollback_plan": "imported", **JUDGEMENT}
    return Definition(
        experiment=Experiment.model_validate({**frame, **plain, **written}),
        environment=policy,
        mode=Mode.RUN,
        definition_hash="",
        account=place.account,
        region=place.region,
        partition=place.partition,
    )


def _assemble(source: Source, part: Part, fault: AnyFault, draft: dict[str, Any], reading: Reading, origin: str) -> Piece:
    """The experiment with what was read, and every loss by its place."""
    losses = [*source.losses, *part.losses, *reading.losses]
    losses = [_describe_loss(source, loss) for loss in losses]
    target = {key: value for key, value in reading.target.items() if value and value != "radius"}
    if filters := reading.undecided.get("filters"):
        target["filters"] = {**target.get("filters", {}), **filters}
    if "select" in reading.undecided:
        target["select"] = reading.undecided["select"]
    document = {**draft, "stop_alarms": [_name_alarm(alarm) for alarm in draft["stop_alarms"]]}
    if reading.observation is not None:
        document["observation"] = iso_duration(reading.observation)
    if isinstance(fault, CustomFault) and fault.actions and fault.listed.rollback is not None:
        document["rollback"] = write_rollback(fault.listed.rollback)
    position = list(document).index("blast_radius") + 1
    items = list(document.items())
    middle = [("target", target), ("parameters", reading.parameters)]
    document = dict([*items[:position], *middle, *items[position:]])
    document = {key: value for key, value in document.items() if value or key == "abort_conditions"}
    marked, unknown = source.unknowns.mark(document)
    injecting = [action for action in part.template["actions"].values() if action["actionId"] != WAIT]
    instant = all(fault.is_instant(action["actionId"], action.get("parameters", {})) for action in injecting)
    if not reading.length_known and not instant:
        marked["duration"] = {REPLACE: "how long the fault lasts"}
        losses.append(Loss("duration", "no constant of the template says it; put the length here, such as PT10M"))
    left_out = [*_find_unused(part.template), *_find_cut(source, part.template)]
    unused = [_describe_loss(source, loss) for loss in left_out]
    replaced = [*source.replaced, *_list_replaced(reading.template)]
    added = [name for name in ("hypothesis", *JUDGEMENT) if name not in source.extra]
    added += ["duration"] if instant and not reading.length_known else []
    imported = Imported(origin, str(marked["name"]), marked, (*losses, *unused, *unknown), tuple(replaced), tuple(added))
    span = Span(_choose_length(part.template, fault), lasts=not instant)
    return Piece(part, imported, fault, span, reading.length_known or instant)


def _describe_loss(source: Source, loss: Loss) -> Loss:
    """The loss with words in place of tokens."""
    return Loss(source.unknowns.describe(loss.path), loss.why, source.unknowns.describe_all(loss.value))


def _name_alarm(arn: str) -> str:
    """The alarm as `stop_alarms` has it: by name if its place is not known, because the alarm is beside the template."""
    place, _, name = arn.partition(":alarm:")
    return name if name and has_token(place) and not has_token(name) else arn


def _find_unused(template: Mapping[str, Any]) -> Iterator[Loss]:
    used = {name for action in template["actions"].values() for name in action.get("targets", {}).values()}
    for name, target in template["targets"].items():
        if name not in used:
            yield Loss(f"targets.{name}", "is a target that no action uses", target)


def _find_cut(source: Source, template: Mapping[str, Any]) -> Iterator[Loss]:
    """What an experiment has no room for, or no label."""
    tags = source.template.get("tags")
    if tags and not isinstance(tags, dict):
        yield Loss("tags", "are no constant" if has_token(str(tags)) else "are no tags", tags)
    for name, value in tags.items() if isinstance(tags, dict) else ():
        if name not in template["tags"]:
            yield Loss(f"tags.{name}", "is no text", value)
        elif name.startswith("squall:"):
            yield Loss(f"tags.{name}", "is a tag of Squall's own", value)
    yield from explain_cut("; ".join(_list_descriptions(source, template)))
    alarms = _list_alarms(template)
    for number, guard in list(enumerate(source.extra.get("abort_conditions", ())))[MAXIMUM_STOP_CONDITIONS - len(alarms) :]:
        yield Loss(f"abort_conditions[{number}]", f"FIS takes {MAXIMUM_STOP_CONDITIONS} stop conditions", guard)


def _list_descriptions(source: Source, template: Mapping[str, Any]) -> list[str]:
    """What the template and its actions say of themselves, each on one line."""
    description = [str(template.get("description") or ""), *(str(a.get("description") or "") for a in template["actions"].values())]
    return [one_line(source.unknowns.describe(text)) for text in dict.fromkeys(description) if text]


def _list_replaced(template: Mapping[str, Any]) -> Iterator[str]:
    labels = "; those of the template are labels of the experiment"
    yield from (
        f"{path}: {why}{labels if path == 'tags' else ''}" for path, why in list_replaced(template) if not path.startswith("targets.")
    )
    yield from (f"{key}: it is about the template itself" for key in ABOUT_ITSELF if template.get(key) and key != "description")
    if template.get("experimentOptions"):
        yield "experimentOptions: Squall has a refusal where there is no target"
    waits = [name for name, action in template["actions"].items() if action["actionId"] == WAIT]
    for name in waits:
        yield f"actions.{name}: Squall waits for the baseline, or for the length of the observation"
