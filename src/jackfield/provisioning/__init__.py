"""Phones are set up from here: models and their templates, and the ways by which a phone fetches its configuration."""
