"""People's own Django applications: all that happens before a server is started."""
