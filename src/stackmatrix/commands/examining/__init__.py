"""What is looked at before anything is installed or measured: one function for each line of ``nox -s doctor``."""
