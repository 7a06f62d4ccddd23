"""The highest rate of arrivals at which latency objectives are kept."""
