"""Figures: Matplotlib draws the tables of `figure_data`."""
