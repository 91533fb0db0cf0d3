"""The report of `heor survival`: text, tables and figures of the survival layer alone."""
