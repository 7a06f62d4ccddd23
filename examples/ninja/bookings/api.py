"""The API: how many seats of a show are taken, and a booking of some more."""

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI, Schema

from bookings.models import Booking

api = NinjaAPI(title="Bookings")


class Order(Schema):
    """What a guest sends."""

    show: str
    guest: str
    seats: int


class Taken(Schema):
    """How many seats of a show are taken."""

    show: str
    seats: int


class Booked(Schema):
    """A booking that was made."""

    id: int
    guest: str
    seats: int


@api.get("/shows/{show}", response=Taken)
def taken(request: HttpRequest, show: str) -> dict[str, str | int]:
    total = Booking.objects.filter(show=show).aggregate(seats=Sum("seats"))
    return {"show": show, "seats": total["seats"] or 0}


@api.post("/bookings", response={201: Booked})
def book(request: HttpRequest, order: Order) -> tuple[int, Booking]:
    return 201, Booking.objects.create(**order.dict())


urlpatterns = [path("api/", api.urls)]
