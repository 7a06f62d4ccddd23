"""The async views, one address per workload, and the untimed page that tells what serves them."""

from django.urls import path

from fanout_site import views
from fanout_site.served_by import served_by_async as served_by

urlpatterns = [
    path("", views.fanout_async),
    path("<int:ms>/", views.fanout_async),
    path("shared-client/", views.fanout_shared_client_async),
    path("shared-client/<int:ms>/", views.fanout_shared_client_async),
    path("served-by/", served_by),
]
