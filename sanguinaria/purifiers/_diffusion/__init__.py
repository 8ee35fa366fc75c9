"""Diffusion purifiers: process, networks, condition, training, sampling."""
