"""What each YAML file may hold, by Pydantic."""
