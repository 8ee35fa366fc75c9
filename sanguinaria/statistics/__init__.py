"""Intervals, error rates, and detection statistics."""
