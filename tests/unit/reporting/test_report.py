"""What a report says, and that nothing anybody wrote becomes anything but text in it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from infra.code import UPLOT
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.documents.metrics.metric_models import Point
from squall.domain.documents.metrics.signal_reading import SignalReading
from squall.domain.documents.metrics.statistics import Band
from squall.domain.documents.rollback import Proof
from squall.domain.documents.series import SeriesDocument
from squall.domain.run.record import Abort
from squall.reporting import charts, formatting, page
from squall.reporting.charts import Course, build_course
from squall.reporting.comparisons import view_comparison
from squall.reporting.csv_sheet import make_cell, render_csv
from squall.reporting.elements import Word
from squall.reporting.markdown import escape_text, render_markdown
from squall.reporting.page import render_island, render_page
from squall.reporting.run_facts import Facts
from squall.reporting.story import write_story
from squall.reporting.timeline import list_moments
from squall.reporting.view import Page, build_page
from tests.unit.builders import REL12, healthy_series, record
from tests.unit.reporting.report_rig import BASELINE, EFFECT, FAULT, RECOVERY, SPAN, facts, hostile, measured

VOID = {"meta", "link", "br", "hr", "img", "input"}
NASTY = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "</script><script>alert(1)</script>",
            "<!--",
            "]]>",
            "</title>",
            "' onmouseover='x",
            '" onload="x',
            "{{ 7*7 }}",
            "{% raw %}",
            "&lt;b&gt;",
            "\u202eevil",
            "\u2028",
            "=1+1",
            "@here",
            "#12",
            "| a | b |",
            "`x`",
            "[a](http://b)",
            "<img src=x onerror=alert(1)>",
            "**b**",
            "javascript:alert(1)",
            "http://evil.example",
            "\n# title",
            "\n\n---\n",
            "</pre>",
            "</style>",
        ]
    ),
)


@pytest.fixture(autouse=True, scope="module")
def charting() -> Any:
    """Where a staged asset has its copy of uPlot."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "VENDOR", UPLOT / "dist")
        yield


class Reader(HTMLParser):
    """The page as a browser's parser sees it: elements with attributes, and the text of each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> ends something else"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(name for name, _ in attrs)) for tag, attrs in self.elements]

    def text(self) -> str:
        return " ".join("".join(part) for kind, part in self.texts.items() if kind not in {"script", "style"})


def made(report_facts: Facts) -> Page:
    return build_page(report_facts)


def course(report_facts: Facts) -> Course:
    result = build_course(report_facts, list_moments(report_facts))
    assert result is not None
    return result


# --- what it says ---------------------------------------------------------------------------------------------------


def test_the_page_says_the_verdict_first_and_then_everything_there_is() -> None:
    reader = Reader(render_page(made(facts())))
    headings = [text for tag in ("h1", "h2") for text in reader.texts[tag]]
    assert headings == [
        "Shop",
        "refuted",
        "Safety checks that did not pass",
        "Success criteria",
        "Measurements",
        "Compared with the baseline",
        "Findings",
        "Targets",
        "After the fault",
        "Timeline",
        "Guards on healthy runs",
        "Safety checks",
        "Cost",
        "Definition",
        "About this run",
    ]
    for shown in (
        "1 of 3 criteria met",
        "Too slow",
        "seen 3 times",
        "Add redundancy",
        "healthy in 1 target group",
        "not restored",
        "$1.00",
    ):
        assert shown in reader.text()
    assert not reader.open


@pytest.mark.parametrize("status", [status for status in Status if status.final])
def test_a_run_that_left_nothing_but_a_result_has_a_page(status: Status) -> None:
    bare = Facts(
        record=record(status=status),
        result=facts().result.model_copy(
            update={
                "status": status,
                "verdict": None,
                "criteria": (),
                "safety_checks": (),
                "false_aborts": (),
                "statistics": (),
                "findings": (),
                "targets": (),
                "timeline": (),
                "recovery": None,
                "rollback": None,
                "cost": {},
                "metrics_collected": {},
                "improvements_identified": (),
            }
        ),
        bucket="b",
    )
    html = render_page(made(bare))
    assert Reader(html).texts["h2"] == [formatting.spell_out(status.value), "About this run"]
    assert "nothing was injected" in html
    assert html.count("<script>") == 1, "no charts, no library"
    assert render_markdown(made(bare))


def test_the_story_is_told_from_evidence() -> None:
    story = write_story(facts())
    for text in (
        "On 2 March 2026, 20:00 UTC, in staging, Squall delayed the network of i-1234567890abcdef0 in eu-west-1a",
        "(1 of 2 candidates), for 10 min.",
        "Over the 60 min before it, at 10 requests per second, the steady state held.",
        "The fault is proven on every target (command).",
        "Response time went from 100 ms to 1.4 s",
        "System availability stayed at 98 %",
        "A guard aborted it at 20:05:01 UTC 61 s after the fault took effect; the fault was over 8 min 59 s later.",
        "Afterwards the workload was not as before. What differs: differs.",
        "The hypothesis did not hold: 1 of 3 criteria met.",
    ):
        assert text in story
    assert "recover" not in write_story(facts(recovery=None)).partition("A guard")[2]


def test_the_story_counts_the_criteria_once() -> None:
    """The reason of a judged run counts them; a reason that does not is completed by a sentence."""
    run = facts()
    counted = run.result.model_copy(update={"reason": "0 of 2 criteria met and 1 can't be told"})
    assert write_story(replace(run, result=counted)).count("of 2 criteria") == 1
    critical = run.result.model_copy(update={"reason": "the critical criterion 'x' was not met: y"})
    assert write_story(replace(run, result=critical)).count("0 of 2 criteria were met") == 1


def test_the_story_of_a_plan_that_ended_early_says_that_it_was_one() -> None:
    run = facts()
    rejected = run.result.model_copy(update={"status": Status.REJECTED, "verdict": None})
    early = replace(
        run, result=rejected, record=replace(run.record, only_plans=True, fault_started_at=None, fis_experiment_id=None, events=())
    )
    assert "It was a plan, which injects nothing" in write_story(early)


def test_the_story_says_of_every_source_who_ended_the_fault() -> None:
    run = facts()
    aborts = [Abort(source, "because", EFFECT + timedelta(minutes=9), "somebody") for source in AbortSource]
    stories = [write_story(replace(run, record=replace(run.record, abort=abort))) for abort in aborts]
    assert len(set(stories)) == len(stories)


@pytest.mark.parametrize(
    ("unit", "measured", "said"),
    [
        ("seconds", 0.1, "0 s to 762.2 ms"),
        ("percent", 99.9, "0 % to 100 %"),
        ("percent", 120.0, "0 % to 762.2 %"),
        ("none", -2.0, "-0.2486 to 0.7622"),
    ],
)
def test_a_usual_range_names_only_values_that_the_metric_can_have(unit: str, measured: float, said: str) -> None:
    run = facts()
    (statistics, *_) = run.result.statistics
    high = 762.2 if unit == "percent" else 0.7622
    windows = {
        name: getattr(statistics, name).model_copy(update={"minimum": measured, "maximum": measured})
        for name in ("baseline", "fault", "recovery")
    }
    changed = statistics.model_copy(update={"unit": unit, "band": Band(low=-0.2486, high=high), "left_band_at": None, **windows})
    assert view_comparison(changed).sentences[-1] == f"The metric never left its usual range ({said})."


def test_every_metric_has_every_point_and_the_axis_is_one() -> None:
    drawn = course(facts()).island()
    assert drawn["times"] == list(SPAN)
    assert [chart["title"] for chart in drawn["charts"]] == ["System availability", "Response time", "Request rate"]
    assert all(len(chart["values"]) == len(SPAN) and None not in chart["values"] for chart in drawn["charts"])
    assert [(w["name"], w["start"], w["end"]) for w in drawn["windows"]] == [(w.name, w.start, w.end) for w in (BASELINE, FAULT, RECOVERY)]


def test_a_period_without_data_is_a_gap_and_is_said() -> None:
    gone = [FAULT.start, FAULT.start + 60]
    inputs = facts()
    holed = Facts(**{**vars(inputs), "series": inputs.series.model_copy(update={"measured": measured(gone)})})  # type: ignore[union-attr]
    chart = course(holed).island()["charts"][1]
    assert [at for at, value in zip(SPAN, chart["values"], strict=True) if value is None] == gone
    assert "2 of 10 periods without data" in course(holed).charts[1].summary


def test_an_older_result_is_drawn_from_its_raw_series_window_by_window() -> None:
    value = facts()
    assert value.discovery is not None
    raw = {w.name: healthy_series(value.discovery.bindings, w) for w in (BASELINE, FAULT, RECOVERY)}
    old = Facts(**{**vars(value), "series": SeriesDocument(windows=(BASELINE, FAULT, RECOVERY), series=raw)})
    result = course(old)
    inside = [at for w in (BASELINE, FAULT, RECOVERY) for at in range(w.start, w.end, 60)]
    assert [point.at for point in result.charts[0].points] == inside
    assert {point.value for point in result.charts[0].points} == {100.0}
    never_judged = Facts(**{**vars(value), "series": None, "baseline": value.baseline.model_copy(update={"series": raw["baseline"]})})  # type: ignore[union-attr]
    assert len(course(never_judged).charts[0].points) == BASELINE.periods


def test_thresholds_are_on_the_scale_unless_they_would_flatten_the_data() -> None:
    availability, response, _ = course(facts()).charts
    assert [(line.label, line.kind, line.shown) for line in availability.lines] == [
        ("expect > 99 %", "expect", True),
        ("abort < 95 %", "abort", True),
    ]
    assert all(availability.low < line.value < availability.high for line in availability.lines)
    assert [line.shown for line in response.lines] == [True, True]
    flat = charts._compute_scale([0.1, 0.11], response.lines)
    assert [line.shown for line in flat[2]] == [False, False]
    assert flat[1] < 0.2


def test_events_stand_at_the_time_they_happened_and_are_numbered_alike_in_chart_and_timeline() -> None:
    value = facts()
    moments = list_moments(value)
    assert [(m.number, m.event) for m in moments if m.number] == [
        (1, "fault_started"),
        (2, "in_effect"),
        (3, "alarm"),
        (4, "fis_stopped"),
        (5, "recovered"),
    ]
    assert [m["number"] for m in course(value).island()["markers"]] == [1, 2, 3, 4, 5]
    assert next(m.at for m in moments if m.event == "in_effect") == EFFECT
    badges = [text for text in Reader(render_page(made(value))).texts["span"] if text.isdigit()]
    assert badges == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("value", "unit", "expected_text"),
    [
        (99.874, "percent", "99.87 %"),
        (0.0138256, "seconds", "13.83 ms"),
        (0.0, "seconds", "0 s"),
        (2.5, "seconds", "2.5 s"),
        (49.875, "per_second", "49.88 /s"),
        (1_500_000, "bytes", "1.5 MB"),
        (12, "bytes", "12 B"),
        (12345.6, "count", "12,346"),
        (None, "count", "—"),
    ],
)
def test_numbers_are_said_in_the_unit_a_person_would_choose(value: float | None, unit: str, expected_text: str) -> None:
    assert formatting.format_quantity(value, unit) == expected_text


def test_links_lead_into_the_partition_the_run_was_in() -> None:
    value = facts()
    china = Facts(**{**vars(value), "record": record(execution_arn="arn:aws-cn:states:cn-north-1:1:execution:Squall:run-1")})
    links = [link.url for link in made(china).links] + [url for _, url in made(china).charts]
    assert all(url.startswith("https://cn-north-1.console.amazonaws.cn/") for url in links)
    (availability, *_) = (url for _, url in made(value).charts)
    assert (
        "#metricsV2:graph=~(metrics~(~(~'AWS*2fApplicationELB~'HTTPCode_Target_5XX_Count~'TargetGroup~'targetgroup*2fshop*2f"
        in availability
    )
    assert availability.endswith(
        "~region~'eu-west-1~stat~'Sum~period~60~start~'2026-03-02T19*3a00*3a00.000Z~end~'2026-03-02T20*3a19*3a00.000Z)"
    )


# --- nothing in it is more than text --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shape(charting: Any) -> list[tuple[str, tuple[str, ...]]]:
    return Reader(render_page(made(hostile("x")))).shape


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=NASTY)
def test_whatever_is_written_anywhere_the_page_has_the_same_elements(text: str, shape: list[tuple[str, tuple[str, ...]]]) -> None:
    reader = Reader(render_page(made(hostile(text or "x"))))
    assert reader.shape == shape
    assert not reader.open
    links = [value or "" for _, attrs in reader.elements for name, value in attrs if name in {"href", "src", "action"}]
    assert all(link.startswith("https://eu-west-1.console.aws.amazon.com/") for link in links)


@settings(max_examples=60)
@given(text=NASTY)
def test_the_data_island_reads_back_as_it_was(text: str) -> None:
    data = {text: [text, None, 1.5], "end": "</script>"}
    written = render_island(data)
    assert json.loads(written) == data
    assert not set("<>&\u2028\u2029") & set(written)


def test_the_text_of_a_script_is_shown_as_text() -> None:
    attack = "<script>alert(1)</script>"
    reader = Reader(render_page(made(hostile(attack))))
    assert f"Shop{attack}" in reader.texts["h1"]
    assert not any("alert" in text for text in reader.texts["script"])


def test_only_the_page_s_own_scripts_and_styles_may_run() -> None:
    html = render_page(made(facts()))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    answer = policy[1].replace("&#39;", "'")
    assert re.fullmatch(
        r"default-src 'none'; script-src('? ?'sha256-[\w+/=]+'){4}; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'",
        answer,
    )
    assert not re.search(
        r"""(src|href)=["'](?!https://eu-west-1\.console)""", html.replace(page._read_asset(UPLOT / "dist" / page.UPLOT_JS), "")
    )
    assert not re.search(r"\son\w+=", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))


def test_what_can_not_be_seen_is_left_out() -> None:
    html = render_page(made(hostile("\u202eabc\u200b\x1b[31m")))
    assert not set("\u202e\u200b\x1b") & set(html)
    html.encode()


@settings(max_examples=100)
@given(text=NASTY)
def test_text_in_markdown_stays_text(text: str) -> None:
    reader = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
    for wrapped in (f"- {escape_text(text)}", f"| a |\n| --- |\n| {escape_text(text)} |", f"## {escape_text(text)}"):
        tokens = [child for token in reader.parse(wrapped) for child in [token, *(token.children or [])]]
        kinds = {token.type for token in tokens}
        assert not kinds & {
            "html_inline",
            "html_block",
            "link_open",
            "image",
            "code_inline",
            "em_open",
            "strong_open",
            "s_open",
            "fence",
            "hr",
        }
        assert sum(token.type in {"td_open", "list_item_open", "heading_open"} for token in tokens) == 1
    assert not re.search(r"[@#]\w|://|www\.|gh-\d", reader.renderInline(escape_text(text)).replace("&#", ""), re.IGNORECASE)


def test_markdown_is_what_a_reviewer_wants_to_know() -> None:
    markdown = render_markdown(made(facts()))
    assert markdown.startswith("## ❌ Shop: refuted\n\n**1 of 3 criteria met**\n")
    assert "| System availability &gt; 99% (critical) | ❌ not met | 96 % | &gt; 99 % | too low |" in markdown
    assert "- high: Too slow. 1.4 s" in markdown
    assert "| Response time &gt; 2 s | 13 % (11 to 15 %) | 262 of 2015 healthy runs of 10 min in the last 14 days |" in markdown
    assert "| Sentinel availability &lt; 90 % | can't be told | new |" in markdown
    assert "s3://results-bucket/results/run-1/result.json" in markdown
    assert len(markdown) < 6000


FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212"


@settings(max_examples=60)
@given(text=st.text(alphabet=st.sampled_from(f"{FORMULA} \t\r\n\xa0\u3000\u2028\x1b,;\"'ab\u202e\u200b"), max_size=8))
def test_no_cell_of_the_sheet_is_a_formula(text: str) -> None:
    assert not make_cell(text).lstrip().startswith(tuple(FORMULA))
    assert make_cell(text).isprintable()


@pytest.mark.parametrize("text", ["=1", "\xa0=1", "\uff1d1", "\u3000\uff0b1", "\ufe631", "\uff20SUM(A1)", "\x1b=1", "a\r\n=1"[1:]])
def test_a_formula_in_any_disguise_is_quoted(text: str) -> None:
    assert make_cell(text).startswith("'")


def test_the_sheet_holds_every_point_of_every_chart() -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(course(facts())))))
    assert len(rows) == 3 * len(SPAN)
    fault = [row for row in rows if row["window"] == "fault" and row["metric"] == "response_time"]
    assert [Point(at=FAULT.start + 60 * i, value=float(row["value"])).value for i, row in enumerate(fault)] == [
        value for at, value in measured()[1].points if FAULT.start <= at < FAULT.end
    ]
    assert rows[0]["period_start"] == "2026-03-02T19:00:00Z"
    assert {row["window"] for row in rows} == {"baseline", "fault", "recovery", ""}


def test_a_verdict_is_always_a_word_beside_its_colour() -> None:
    for verdict in Verdict:
        html = render_page(made(facts(verdict=verdict)))
        assert f'<h2 id="verdict">{verdict.value}</h2>' in html


def test_what_metrics_of_the_mechanism_say_stands_with_the_target_and_in_the_story() -> None:
    target = REL12["target_resources"][0]
    page = build_page(facts())
    assert page.targets.rows[0][3:] == (Word("proven", "good"), "gone. Confirmed by a metric of the mechanism: moved")
    assert "contradicts" not in page.story
    contradicted = SignalReading(targets=(target,), metric="Shop RoundTrip", reading="contradicted", detail="it did nothing")
    page = build_page(facts(signals=(contradicted,)))
    assert page.targets.rows[0][3:] == (Word("contradicted", "bad"), "gone. Contradicted by a metric of the mechanism: it did nothing")
    assert f"A metric of the mechanism contradicts that on {target}." in page.story


def test_the_story_names_the_targets_that_were_not_hit() -> None:
    whole = facts().result.rollback
    assert whole is not None
    proofs = tuple(Proof(target=f"i-{n}", proven=n != 2, kind="mechanism", detail=f"command-{n} ran") for n in (2, 1, 3))
    page = build_page(facts(rollback=whole.model_copy(update={"proofs": proofs})))
    assert "The fault is proven on 2 of 3 targets (command-1 ran, …). It is not proven on i-2 (command-2 ran)." in page.story
