"""The API of the console: everything that the pages do, for programs, under `/api/v1`."""
