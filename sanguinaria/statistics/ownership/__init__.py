"""Ownership tests: does a model depend on data that an owner marked?

The tests are exact: what is random under the null hypothesis is what the owner drew from their secret, and not the
model, the utterances or their labels. ``docs/ownership_statistics.md`` has the proofs.
"""
