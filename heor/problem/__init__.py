"""What a decision problem is made of: frozen types, units, expressions and names."""
