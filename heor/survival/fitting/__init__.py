"""Posteriors of every curve of a problem: which families, fitted, checked, weighed and drawn."""
