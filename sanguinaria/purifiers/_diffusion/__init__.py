"""Diffusion purifiers: process, networks, conditioning, training and sampling."""
