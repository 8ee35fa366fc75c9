"""Watermarks by invertible networks: network, keys, losses, training, marker."""
