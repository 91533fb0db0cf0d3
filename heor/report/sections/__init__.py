"""One file a section of the report: results in, blocks out."""
