"""The pictures of a campaign as shapes. Widths are percentages, so that a picture fits a phone without smaller letters;
heights are pixels. Colour is never the only carrier of a meaning: the place, a letter or a text says it, too."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from squall.domain.campaign.outcome import StepOutcome
from squall.domain.campaign.result import CampaignResult, RampAnswer, StepResult
from squall.reporting.elements import Word
from squall.reporting.formatting import format_duration

LEFT, RIGHT = 4.0, 96.0
"""Where the axis begins and ends, in percent of the width."""
MOST_LABELLED = 60
"""A suite of more steps is drawn without their names: the table below the picture has them."""
ROW, THIN_ROW, BAR = 44, 12, 16
DOT = 22
"""The diameter of a run in the picture of a ramp."""
NEAR = 9.0
"""Labels of an axis stand at least as far apart as this, in percent."""
TONES = {
    StepOutcome.VALIDATED: "good",
    StepOutcome.REFUTED: "bad",
    StepOutcome.GUARD: "bad",
    StepOutcome.STOPPED: "stopped",
    StepOutcome.FAILED: "broken",
    StepOutcome.INCONCLUSIVE: "open",
    StepOutcome.INVALID: "open",
}


@dataclass(frozen=True)
class Shape:
    """A bar, a dot or a band. `y` is its upper edge."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str = ""
    url: str = ""
    text: str = ""


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    anchor: str = "start"
    tone: str = "muted"


@dataclass(frozen=True)
class Picture:
    """Shapes above bands, labels above shapes."""

    caption: str
    """What the picture shows, for people who can't see it."""
    height: float
    bands: tuple[Shape, ...]
    bars: tuple[Shape, ...]
    dots: tuple[Shape, ...]
    labels: tuple[Label, ...]
    lines: tuple[float, ...]
    """Horizontal lines, by their height."""


def word_of(step: StepResult) -> Word:
    """The outcome of a step as people read it."""
    if step.outcome is not None:
        return Word(step.outcome.words, TONES.get(step.outcome, "plain"))
    return Word("no outcome" if step.execution_id else "not run", "plain")


def draw_suite(result: CampaignResult, urls: dict[str, str]) -> Picture | None:
    """The steps in order, each as a bar from its beginning to its end. None if none was started."""
    started = [step for step in result.steps if step.begun_at]
    ends = [at for step in result.steps for at in (step.begun_at, step.ended_at, result.end_time) if at]
    if not started or not ends:
        return None
    first, last = min(step.begun_at for step in started if step.begun_at), max(ends)
    span = max(1.0, (last - first).total_seconds())
    thin = len(result.steps) > MOST_LABELLED
    row = THIN_ROW if thin else ROW
    bars, labels = [], []
    for index, step in enumerate(result.steps):
        top = index * row + (2 if thin else ROW - BAR - 4)
        if not thin:
            labels.append(Label(LEFT, top - 6, f"{step.step}: {word_of(step).text}", tone="text"))
        if step.begun_at:
            bars.append(_draw_bar(step, (step.ended_at or last), (first, span), top, THIN_ROW - 4 if thin else BAR, urls))
    height = len(result.steps) * row
    return Picture(
        caption=f"{len(started)} of {len(result.steps)} steps on a time line of {format_duration(span)}",
        height=height + 26,
        bands=(),
        bars=tuple(bars),
        dots=(),
        labels=(*labels, *_label_times(first, span, height + 18)),
        lines=(height + 2,),
    )


def _draw_bar(step: StepResult, ended: datetime, axis: tuple[datetime, float], top: float, height: float, urls: dict[str, str]) -> Shape:
    first, span = axis
    begun = step.begun_at or first
    left = _place((begun - first).total_seconds() / span)
    width = max(0.5, (ended - begun).total_seconds() / span * (RIGHT - LEFT))
    lasted = format_duration((ended - begun).total_seconds())
    title = f"{step.step}: {word_of(step).text}, {lasted}"
    return Shape(left, top, width, height, word_of(step).tone, title, urls.get(step.execution_id or "", ""))


def _label_times(first: datetime, span: float, y: float) -> Iterator[Label]:
    yield Label(LEFT, y, f"{first:%H:%M} UTC")
    yield Label(_place(0.5), y, f"+ {format_duration(span / 2)}", "middle")
    yield Label(RIGHT, y, f"+ {format_duration(span)}", "end")


def draw_ramp(result: CampaignResult, urls: dict[str, str]) -> Picture | None:
    """Each run as a dot over its dose, in the lane of its outcome, with the number of the run; and the bracket. None if
    nothing ran."""
    answer = result.ramp
    runs = [step for step in result.steps if step.number]
    if answer is None or not answer.doses or not runs:
        return None
    lanes = _stack_lanes(runs, answer)
    dots: list[Shape] = []
    labels: list[Label] = []
    top = 0.0
    for name, columns in lanes:
        high = max((len(column) for column in columns.values()), default=1)
        labels.append(Label(1, top + 16, name))
        bottom = top + 20 + high * (DOT + 4)
        for dose, column in columns.items():
            dots += [
                _draw_dot(step, _place_dose(answer, dose), bottom - (place + 1) * (DOT + 4), urls) for place, step in enumerate(column)
            ]
        top = bottom + 6
    return Picture(
        caption=f"{len(runs)} runs by dose and outcome: {result.reason}",
        height=top + 46,
        bands=_draw_bracket(answer, top),
        bars=(),
        dots=tuple(dots),
        labels=(*labels, *_label_doses(answer, runs, top)),
        lines=(top,),
    )


def _stack_lanes(runs: Sequence[StepResult], answer: RampAnswer) -> list[tuple[str, dict[float, list[StepResult]]]]:
    """The lanes from top to bottom, each with its runs by dose; the one in the middle only if a run says nothing."""
    fails: dict[float, list[StepResult]] = {}
    neither: dict[float, list[StepResult]] = {}
    holds: dict[float, list[StepResult]] = {}
    for step in runs:
        lane = holds if step.outcome is StepOutcome.VALIDATED else fails if step.outcome and step.outcome.fails else neither
        lane.setdefault(_dose_of(step, answer), []).append(step)
    middle = [("says nothing", neither)] if neither else []
    return [("fails", fails), *middle, ("holds", holds)]


def _draw_dot(step: StepResult, x: float, y: float, urls: dict[str, str]) -> Shape:
    title = f"run {step.number} at {step.step}: {word_of(step).text}"
    return Shape(x, y, DOT, DOT, word_of(step).tone, title, urls.get(step.execution_id or "", ""), str(step.number))


def _draw_bracket(answer: RampAnswer, height: float) -> tuple[Shape, ...]:
    """Where users notice nothing, where the limit is, and where they do."""
    holds = None if answer.holds_to is None else _place_dose(answer, answer.holds_to)
    fails = None if answer.fails_from is None else _place_dose(answer, answer.fails_from)
    bands = []
    if holds is not None and holds > 0:
        bands.append(Shape(0, 0, holds, height, "good", f"holds to {answer.holds_to:g}"))
    if holds is not None and fails is not None:
        bands.append(
            Shape(holds, 0, fails - holds, height, "open", f"the limit lies between {answer.holds_to:g} and {answer.fails_from:g}")
        )
    if fails is not None:
        bands.append(Shape(fails, 0, 100 - fails, height, "bad", f"fails from {answer.fails_from:g}"))
    return tuple(bands)


def _label_doses(answer: RampAnswer, runs: Iterable[StepResult], top: float) -> Iterator[Label]:
    """The doses on the axis, the two of the answer first; then the name of the dose."""
    edges = [edge for edge in (answer.holds_to, answer.fails_from) if edge is not None]
    tried = sorted({_dose_of(step, answer) for step in runs})
    taken: list[float] = []
    for dose in (*edges, *tried, answer.doses[0], answer.doses[-1]):
        place = _place_dose(answer, dose)
        if all(abs(place - other) >= NEAR for other in taken):
            taken.append(place)
            yield Label(place, top + 18, f"{dose:g}", "middle", "text" if dose in edges else "muted")
    yield Label(RIGHT, top + 38, answer.parameter, "end")


def _dose_of(step: StepResult, answer: RampAnswer) -> float:
    """The dose of a run, by its place among the labels of the doses."""
    return {f"{answer.parameter} {dose:g}": dose for dose in answer.doses}.get(step.step, answer.doses[0])


def _place_dose(answer: RampAnswer, dose: float) -> float:
    first, last = answer.doses[0], answer.doses[-1]
    return _place((dose - first) / (last - first)) if last > first else _place(0.5)


def _place(share: float) -> float:
    return round(LEFT + share * (RIGHT - LEFT), 2)
