"""Outcomes of strategies by draw, discounting and the population's health."""
