"""The page: one file without dependencies, safe whatever texts it contains.

Three barriers stand between a text from outside and the reader's browser. Jinja escapes every value. The
Content-Security-Policy allows only this page's own scripts and styles, by their hashes. The data for the charts are
JSON that can't end its script element. Invisible characters are removed (`formatting.strip_invisible`).
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

from squall.reporting.formatting import strip_invisible
from squall.reporting.view import Page

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
VENDOR = HERE / "vendor"
"""uPlot in the version that package-lock.json pins. Staging the functions' code copies it here (`infra.code`)."""
UPLOT_JS, UPLOT_CSS = "uPlot.iife.min.js", "uPlot.min.css"
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def render_page(page: Page) -> str:
    """`report.html`."""
    return assemble_page("report.html.j2", "report.js", {"page": page}, page.course.island() if page.course else None)


def assemble_page(template: str, script: str, values: Mapping[str, Any], data: Any | None) -> str:
    """A page in one file, with the charting library if there are data to draw."""
    style = Markup(_read_asset(VENDOR / UPLOT_CSS) + _read_asset(ASSETS / "report.css"))  # noqa: S704 - our own files
    files = [ASSETS / "shared.js"]
    if data is not None:
        files = [ASSETS / "prelude.js", VENDOR / UPLOT_JS, *files, ASSETS / script]
    scripts = [Markup(_read_asset(path)) for path in files]  # noqa: S704
    shown = Markup("") if data is None else Markup(render_island(data))  # noqa: S704 - made safe for where it stands
    return (
        _make_environment()
        .get_template(template)
        .render(policy=make_policy(style, scripts), style=style, scripts=scripts, data=shown, **values)
    )


def make_policy(style: str, scripts: list[Markup]) -> str:
    """The Content-Security-Policy, which allows nothing but this page's own scripts and styles."""
    own = " ".join(_hash_text(script) for script in scripts)
    return f"default-src 'none'; script-src {own}; style-src {_hash_text(style)}; base-uri 'none'; form-action 'none'"


def render_island(data: Any) -> str:
    """JSON for a script element: nothing in it can end the element or begin a comment."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT)


def _hash_text(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _read_asset(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _make_environment() -> Environment:
    return Environment(
        loader=PackageLoader("squall.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _clean_value(value: object) -> object:
    """The value without invisible characters, unless it is our own markup. Applied to every expression of a
    template."""
    return value if isinstance(value, Markup) else strip_invisible(value) if isinstance(value, str) else value
