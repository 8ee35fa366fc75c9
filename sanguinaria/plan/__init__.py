"""From the configuration to the specification of every stage."""
