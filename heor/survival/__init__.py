"""Survival: evidence, distributions, sampling, fits, and the curves of strategies."""
