"""What was changed in the configuration: by whom, when, from what to what."""
