"""Poisoning of a training set: the order of the utterances, its blocks, and the manifest."""
