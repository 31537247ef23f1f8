"""`python -m jackfield.cli` is `jackfield`."""

from jackfield.cli import main

main()
