"""Declared rates integrated within a step, and their compiled loops."""
