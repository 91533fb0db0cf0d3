"""How numbers, names, tables and blocks are written, in every form of the report."""
