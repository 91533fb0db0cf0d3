"""From files to a checked decision problem, or to all their faults at once."""
