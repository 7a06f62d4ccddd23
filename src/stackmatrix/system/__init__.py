"""The operating system: processes, ports, cores, and what a machine does."""
