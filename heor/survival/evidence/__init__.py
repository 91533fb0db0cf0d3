"""Survival evidence: patients, counts and curves as published, and the mortality behind them."""
