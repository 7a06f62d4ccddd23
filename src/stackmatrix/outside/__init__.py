"""What others wrote: read within bounds, and put into words that harm nobody who reads them."""
