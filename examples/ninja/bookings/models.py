"""What is kept: bookings."""

from django.db import models


class Booking(models.Model):
    """Some seats of a show, taken by a guest."""

    show = models.SlugField(db_index=True)
    guest = models.CharField(max_length=100)
    seats = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.guest}: {self.seats} of {self.show}"
