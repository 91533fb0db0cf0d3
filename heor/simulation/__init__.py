"""Draws → curves → occupancy → exposures. Knows no price, no utility and no threshold."""
