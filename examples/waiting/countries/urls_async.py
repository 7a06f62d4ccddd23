"""The addresses for ASGI servers."""

from django.urls import path

from countries.views import async_page

urlpatterns = [path("", async_page)]
