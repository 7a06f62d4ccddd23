"""Pure: from requests and readings to a judged level, from results to verdicts."""
