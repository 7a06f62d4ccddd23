"""The addresses for WSGI servers."""

from django.urls import path

from countries.views import sync_page

urlpatterns = [path("", sync_page)]
