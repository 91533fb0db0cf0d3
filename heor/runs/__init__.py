"""What a command evaluates: the base case, its scenarios, several countries, another program's draws."""
