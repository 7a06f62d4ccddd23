"""What the commands compare and gate are made of: two sides, their applications, what is asked of them, and forms."""
