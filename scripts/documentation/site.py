"""Hooks of MkDocs: the reference is written while the site is built, and links to files outside docs/ become their paths.

So no page of the reference is in the repository, and none can be stale.
"""

import os
import posixpath
import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from infra.node import path_with_node
from scripts.documentation.pages import PAGES, SCHEMAS, write_page, write_schema
from scripts.documentation.wide_tables import label_tables

# Who searches for a setting or a field wants its page, not the many pages that mention it.
GENERATED_PAGE_BOOST = 4
BACKGROUND, BACKGROUND_BOOST = {"decisions.md", "bench.md"}, 0.5

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\.?/[^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the reference, and the JSON Schemas."""
    os.environ["PATH"] = path_with_node()  # importing aws_cdk starts Node
    for path in PAGES:
        files.append(File.generated(config, path, content=write_page(path)))
    for path in SCHEMAS:
        files.append(File.generated(config, path, content=write_schema(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Replaces each link that leaves docs/ with its text and the path of the file in the repository. A link to a schema
    leads to the copy in the site. Searches find the pages of the reference first."""
    if page.file.src_uri in PAGES:
        page.meta["search"] = {"boost": GENERATED_PAGE_BOOST}
    elif page.file.src_uri in BACKGROUND:
        page.meta["search"] = {"boost": BACKGROUND_BOOST}
    folder = posixpath.dirname(page.file.src_uri)

    def replace_link(match: re.Match[str]) -> str:
        text, target = match.groups()
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        if path in SCHEMAS:
            return f"[{text}]({posixpath.relpath(path, folder or '.')})"
        if path.startswith("docs/"):
            return match.group(0)
        return f"{text} (`{path}`)" if path not in text else text

    return _LINK.sub(replace_link, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Marks wide tables, and names the column in each of their cells."""
    return label_tables(html)
