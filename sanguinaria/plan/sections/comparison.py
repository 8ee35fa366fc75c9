"""Printed numbers beside a table."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from sanguinaria.core.plugins import Settings
from sanguinaria.reports.printed import printed_entries, printed_tables


class Comparison(Settings):
    """A comparison of a table with a paper's printed numbers."""

    paper: str = Field(description="one of those in sanguinaria/reports/printed_numbers.csv")
    table: str = Field(description="the table's number there")
    stands_for: Mapping[str, str] = Field(
        default={}, description="our entry → the paper's that it is compared with, where the names differ"
    )

    @model_validator(mode="after")
    def _printed(self) -> Comparison:
        if (self.paper, self.table) not in printed_tables():
            known = ", ".join(f"{paper} {table}" for paper, table in sorted(printed_tables()))
            raise ValueError(f"no printed numbers of {self.paper} {self.table}; there are: {known}")
        entries = printed_entries(self.paper, self.table)
        for entry, name in self.stands_for.items():
            if name not in entries:
                raise ValueError(
                    f"stands_for: {entry!r} cannot stand for {name!r}, of which {self.paper} {self.table} has no "
                    f"number; it has some of {', '.join(sorted(entries))}"
                )
        return self
