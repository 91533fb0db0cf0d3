"""Tables and settings read into values, each fault with its file and line."""
