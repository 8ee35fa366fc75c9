"""Network, losses and settings of PKDMark's teacher and student, and the marker with a synchronisation code."""
