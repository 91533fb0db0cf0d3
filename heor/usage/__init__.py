"""Which input acts on what: where a parameter is used, by which structure, and what a change touches."""
