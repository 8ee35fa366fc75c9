"""Pages of the documentation that are generated from the code whenever the site is built.

They are the configuration reference (from the JSON schema), the index of methods (from the plug-ins' docstrings), the
columns of the tables (from the reports), the list of error messages, and the Python reference. No page is committed, so
none is ever out of step with the code.
"""

from __future__ import annotations

from sanguinaria.workflow.generated_pages.api import api_pages
from sanguinaria.workflow.generated_pages.columns import column_reference
from sanguinaria.workflow.generated_pages.configuration import configuration_pages
from sanguinaria.workflow.generated_pages.messages import message_index
from sanguinaria.workflow.generated_pages.methods import method_index


def pages() -> dict[str, str]:
    """Return every generated page.

    Returns:
        Path below ``docs/`` → text in Markdown.
    """
    return {
        **configuration_pages(),
        **api_pages(),
        "reference/methods.md": method_index(),
        "reference/columns.md": column_reference(),
        "reference/messages.md": message_index(),
    }
