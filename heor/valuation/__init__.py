"""Exposures × prices and utilities → outcomes."""
