"""`series.csv`: every value of every chart, for a spreadsheet or a notebook."""

import csv
import io
import unicodedata
from datetime import UTC, datetime

from squall.domain.base.printable import one_line
from squall.reporting.charts import Course

COLUMNS = ("period_start", "window", "metric", "value", "unit")
_FORMULA = ("=", "+", "-", "@", "\u2212")
"""The characters with which a formula begins. Spreadsheets also accept the full-width forms, which normalization turns
into these."""


def make_cell(value: object) -> str:
    """Text from outside as a cell that no spreadsheet interprets as a formula."""
    text = one_line(str(value))
    return f"'{text}" if unicodedata.normalize("NFKC", text).lstrip().startswith(_FORMULA) else text


def render_csv(course: Course) -> str:
    """One row per metric and period, times in ISO 8601 (UTC). `window` is empty between the judged windows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for chart in course.charts:
        for point in chart.points:
            window = next((window.name for window in course.windows if window.start <= point.at < window.end), "")
            start = datetime.fromtimestamp(point.at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            writer.writerow([start, window, make_cell(chart.name), repr(point.value), make_cell(chart.unit)])
    return out.getvalue()
