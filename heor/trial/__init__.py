"""The trial whose value is asked for: its data, power, cost and net benefit."""
