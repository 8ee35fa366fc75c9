"""Foundations of every other package: errors, plug-ins, files on disk, downloads, devices, random streams."""
