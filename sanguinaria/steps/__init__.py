"""One function for each rule: what its workflow script calls."""
