"""Layers, networks, and training loops that several plug-ins share."""
