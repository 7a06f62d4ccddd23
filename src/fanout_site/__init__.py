"""The site under test: a small Django project whose views wait for a slow external API."""
