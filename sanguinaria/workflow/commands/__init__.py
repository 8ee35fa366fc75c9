"""Commands of ``python -m sanguinaria``: a module each, with a function ``main`` of the command's arguments."""
