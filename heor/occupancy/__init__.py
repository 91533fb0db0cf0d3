"""Who is in which state when: partitioned survival, Markov, semi-Markov and individual patients."""
