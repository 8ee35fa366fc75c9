"""Parts of figures: colours, lines, bars, maps, names of points, legends."""
