"""Questions asked of a run: one-way, tipping points, maps, prices, priorities of research."""
