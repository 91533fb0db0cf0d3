"""From fitted draws to the curves and processes that a strategy follows."""
