"""From results to reports: Markdown, page, Word, figures and tables."""
