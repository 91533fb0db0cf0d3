"""Files as people write them: encodings, separators, numerals, YAML, workbooks, layers."""
