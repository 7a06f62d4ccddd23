"""Instructions per request, counted by callgrind or perf."""
