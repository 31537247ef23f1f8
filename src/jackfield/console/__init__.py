"""The Django project: configuration and history in the database, the web."""
