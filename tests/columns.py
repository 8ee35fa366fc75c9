"""The columns of all tables, with the metrics of ``config.yaml``."""

from pathlib import Path

import yaml

from sanguinaria.core.columns import Columns
from sanguinaria.core.plugins import build
from sanguinaria.metrics import Metric
from sanguinaria.reports.comparison import OWN_COLUMNS

CONFIGURATION = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text(encoding="utf-8"))


def metric_columns() -> Columns:
    """The columns of the metrics."""
    columns = Columns()
    for name, settings in CONFIGURATION["metrics"].items():
        metric = build("metrics", settings)
        assert isinstance(metric, Metric)
        columns[metric.column_name(name)] = metric.column(name)
    return columns


COLUMNS = Columns({**OWN_COLUMNS, **metric_columns()})
