import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import vivace.catalogue.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "username",
                    models.CharField(
                        help_text="Letters, digits and the characters . + - _",
                        max_length=150,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[\\w.+-]+\\Z",
                                "A username is made of letters, digits and the characters . + - _",
                            )
                        ],
                    ),
                ),
                (
                    "email",
                    models.CharField(
                        max_length=254,
                        validators=[django.core.validators.EmailValidator()],
                        verbose_name="e-mail",
                    ),
                ),
                ("username_key", models.TextField(editable=False)),
                ("email_key", models.TextField(editable=False)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("listener", "Listener"),
                            ("editor", "Editor"),
                            ("admin", "Admin"),
                        ],
                        default="listener",
                        max_length=10,
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "created_at",
                    vivace.catalogue.fields.MomentField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("updated_at", vivace.catalogue.fields.MomentField(auto_now=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["created_at", "id"], name="user_by_created"),
                    models.Index(fields=["updated_at", "id"], name="user_by_updated"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("username_key",), name="user_username_unique"),
                    models.UniqueConstraint(fields=("email_key",), name="user_email_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("username__contains", "@"), _negated=True),
                        name="user_username_at",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["listener", "editor", "admin"])),
                        name="user_role_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tries",
            fields=[
                ("subject", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField()),
                ("resets_at", models.BigIntegerField(help_text="Seconds since 1970")),
            ],
            options={
                "verbose_name_plural": "tries",
                "indexes": [models.Index(fields=["resets_at"], name="tries_by_reset")],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=150)),
                ("digest", models.CharField(max_length=64)),
                (
                    "created_at",
                    vivace.catalogue.fields.MomentField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "indexes": [
                    models.Index(fields=["user", "created_at", "id"], name="api_key_of_user")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("digest",), name="api_key_digest_unique")
                ],
            },
        ),
        migrations.CreateModel(
            name="RefreshToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("family", models.CharField(max_length=22)),
                ("digest", models.CharField(max_length=64)),
                ("expires_at", vivace.catalogue.fields.MomentField()),
                ("used_at", vivace.catalogue.fields.MomentField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refresh_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["family"], name="refresh_token_by_family"),
                    models.Index(fields=["user", "expires_at"], name="refresh_token_by_expiry"),
                ],
            },
        ),
    ]
