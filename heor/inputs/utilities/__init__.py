"""EQ-5D-5L: patients' answers and the value sets that score them."""
