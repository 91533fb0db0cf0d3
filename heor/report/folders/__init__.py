"""The folder each command writes."""
