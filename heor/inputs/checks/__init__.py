"""Faults that only show when the inputs are seen together."""
