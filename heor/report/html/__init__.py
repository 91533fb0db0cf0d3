"""report.html: the report of a run as one page that opens anywhere, with the threshold free to move."""
