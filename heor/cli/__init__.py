"""The command line: options, and one file a command. Heavy imports wait until a command runs."""
