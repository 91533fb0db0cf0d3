"""Distributions: densities, priors, likelihood; the same formulas for NumPy and PyMC."""
