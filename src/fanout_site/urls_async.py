"""The async views."""

from fanout_site.views import addresses

urlpatterns = addresses("async_view")
