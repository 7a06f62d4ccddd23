"""From the requests and readings of one load level to what a result file says of it."""
