"""The configuration as one YAML document: read, compared, applied, exported."""
