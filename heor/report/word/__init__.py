"""The report as a Word document: the same words, tables and figures, laid out for A4."""
