"""PKDMark's networks, losses and training, and the marker of watermarks with a synchronisation code."""
