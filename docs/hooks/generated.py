"""Hooks of mkdocs: pages that are generated from the code, and values in tables that stay on one line."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from sanguinaria.workflow.generated_pages import pages

# A value with its interval, such as "91.7 (84.0–99.5)".
VALUE = re.compile(r"<td>((?:<strong>)?[−\d.,]+(?:</strong>)? \([^<()]*\)(?:</strong>)?)</td>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each generated page; it replaces no page that is written by hand."""
    for path, text in pages().items():
        if files.get_file_from_path(path) is not None:
            raise ValueError(f"docs/{path} is generated: remove the file")
        files.append(File.generated(config, path, content=text))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Mark the cells that hold a value with its interval."""
    return VALUE.sub(r'<td class="value">\1</td>', html)
