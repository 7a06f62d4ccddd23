"""From the requests of one ramp to what a target holds, and whether it comes back."""
