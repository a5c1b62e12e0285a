"""The page: one file that needs nothing else, whatever stands in it.

Three walls between what somebody typed and the reader's browser: Jinja escapes every value, a Content-Security-Policy lets only this
page's own scripts and styles run (by their hashes, nothing from anywhere else), and data for the charts travels as JSON that can't end its
own element. What is invisible or reorders text is left out (`words.plain`).
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from squall.reporting.formatting import plain
from squall.reporting.view import Page

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
VENDOR = HERE / "vendor"
"""uPlot, put there when the functions' code is staged (`infra.code`), as package-lock.json pins it."""
UPLOT_JS, UPLOT_CSS = "uPlot.iife.min.js", "uPlot.min.css"
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render(page: Page) -> str:
    """`report.html`."""
    return assembled("report.html.j2", "report.js", {"page": page}, page.course.island() if page.course else None)


def assembled(template: str, script: str, values: Mapping[str, Any], data: Any | None) -> str:
    """A page of ours in one file, with the charting library where there is data to draw."""
    style = Markup(_asset(VENDOR / UPLOT_CSS) + _asset(ASSETS / "report.css"))  # noqa: S704 - our own files
    files = [ASSETS / "shared.js"]
    if data is not None:
        files = [ASSETS / "prelude.js", VENDOR / UPLOT_JS, *files, ASSETS / script]
    scripts = [Markup(_asset(path)) for path in files]  # noqa: S704
    shown = Markup("") if data is None else Markup(island(data))  # noqa: S704 - made safe for where it stands
    return _environment().get_template(template).render(policy=policy(style, scripts), style=style, scripts=scripts, data=shown, **values)


def policy(style: str, scripts: list[Markup]) -> str:
    """The Content-Security-Policy: this page's own scripts and styles and nothing else."""
    own = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; script-src {own}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def island(data: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element or begin a comment."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("squall.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """What every expression of a template gives: markup of our own as it is, anything else without what can't be seen."""
    return value if isinstance(value, Markup) else plain(value) if isinstance(value, str) else value
