"""Answers kept for their idempotency keys."""

from django.conf import settings
from django.db import models

from vivace.catalogue.fields import MomentField


class KeptAnswer(models.Model):
    """What a POST with an Idempotency-Key answered; `status` is null while it is still running."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    started_at = MomentField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="kept_answer_unique")
        ]
        indexes = [models.Index(fields=["started_at"], name="kept_answer_by_age")]

    def __str__(self) -> str:
        return self.key
