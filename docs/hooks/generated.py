"""Hook of mkdocs: adds the pages that are generated from the code to those of the folder docs/."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from sanguinaria.workflow.generated_pages import pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each generated page; it replaces no page that is written by hand."""
    for path, text in pages().items():
        if files.get_file_from_path(path) is not None:
            raise ValueError(f"docs/{path} is generated: remove the file")
        files.append(File.generated(config, path, content=text))
    return files
