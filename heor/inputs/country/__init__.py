"""Countries: found, read as rules in force, borrowing from a donor, or begun from nothing."""
