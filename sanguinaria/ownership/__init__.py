"""Ownership: marked publication of recordings, a commitment to it, and the verification of a suspect model."""
