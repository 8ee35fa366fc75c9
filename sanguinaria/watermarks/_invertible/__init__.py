"""Watermarks by invertible neural networks: network, keys, losses, training and marker."""
