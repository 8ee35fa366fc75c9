"""What every other package builds on: errors, plug-ins, files on disk, downloads, devices, random streams."""
