"""Cost of results before they are computed: the work of each stage, stated rates, time, disk and downloads.

Nothing here is part of a result's identity: a better estimate runs nothing anew.
"""
