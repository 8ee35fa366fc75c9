"""Numbers of the documentation, checked against the tables that its pages cite.

A page cites a table by a link to ``results/NAME.md`` or a file beside it. Its numbers are then those of the table at
the digits that are shown, or an HTML comment states what they are (:mod:`.annotations`).
"""
