"""One function for each rule, called by its workflow script."""
