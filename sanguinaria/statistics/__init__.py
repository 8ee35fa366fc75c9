"""Statistics of rates, errors and detections, with intervals."""
