"""The sync views."""

from fanout_site.views import addresses

urlpatterns = addresses("sync_view")
