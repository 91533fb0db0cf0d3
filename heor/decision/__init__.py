"""Outcomes and thresholds to a decision: nothing here knows a model."""
