"""Parameters: their distributions, pooled effects and draws."""
