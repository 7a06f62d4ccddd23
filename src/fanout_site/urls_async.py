"""The async views, and the untimed page that says what serves them."""

from django.urls import path

from fanout_site.served_by import served_by_async as served_by
from fanout_site.views import addresses

urlpatterns = [*addresses("async_view"), path("served-by/", served_by)]
