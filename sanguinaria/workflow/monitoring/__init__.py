"""Monitoring of a run: progress, time left, a summary at its end, and its interruption."""
