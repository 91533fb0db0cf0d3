"""The numbers each figure is drawn from: one tidy table a figure, without Matplotlib.

Figures draw these tables, `figures/data/*.csv` holds them, and the page shows them rounded.
"""
